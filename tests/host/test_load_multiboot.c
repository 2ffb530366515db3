/* SPDX-License-Identifier: MIT */
/* Loading multiboot1 and multiboot2 kernels: placing, information, and each refusal. */
#include "mm/phys/phys.h"
#include "tests/host/load_files.h"
#include "tests/host/load_machine.h"
#include <string.h>

static u8 file[FILE_MAX];

/* 8 KiB from 0x1000 in the file, and 12 KiB of bss. */
static const struct elf_load plain = {0x1000, 0x100000, 0x100000, 0x2000, 0x5000};

static int setup(void **state)
{
	(void)state;
	machine_reset();
	make_elf(file, false, 0x100010, &plain, 1);
	put_mb1(file + ELF_HEADER_AT, 3);
	return 0;
}

static u8 *load(u64 at, u64 size)
{
	machine_module(at, file, size, "word other=1");
	assert_int_equal(machine_load(), 0);
	return phys_ptr(machine.start.rbx);
}

static void assert_all_zero(u64 at, u64 size)
{
	const u8 *p = phys_ptr(at);

	while (size--)
		assert_int_equal(p[size], 0);
}

static void assert_plain_at(u64 at)
{
	assert_memory_equal(phys_ptr(at), file + 0x1000, 0x2000);
	assert_all_zero(at + 0x2000, 0x3000);
}

/* ---- multiboot1 ---- */

static void mb1_elf32(void **state)
{
	const struct guest_start *s = &machine.start;
	u8 *info;

	(void)state;
	fill_pattern(phys_ptr(MIB(1)), 0x10000, 9); /* the bss must become zero */
	info = load(MIB(40), ELF_SIZE);
	assert_int_equal(s->kind, GUEST_START_MULTIBOOT1);
	assert_int_equal(s->rip, 0x100010);
	assert_int_equal(s->rax, 0x2badb002);
	assert_int_equal(s->cr0, 0x11);
	assert_int_equal(s->cr3 | s->cr4 | s->efer | s->long_mode, 0);
	assert_int_equal(get64((u8 *)phys_ptr(s->gdt_base) + s->cs), 0x00cf9b000000ffff);
	assert_int_equal(get64((u8 *)phys_ptr(s->gdt_base) + s->ds), 0x00cf93000000ffff);
	assert_plain_at(0x100000);

	assert_int_equal(get32(info), 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9);
	assert_int_equal(get32(info + 4), 636);
	assert_int_equal(get32(info + 8), 23 * 1024); /* up to notrap's memory */
	assert_string_equal(phys_ptr(get32(info + 16)), "word other=1");
	assert_int_equal(get32(info + 20), 0);
	assert_string_equal(phys_ptr(get32(info + 64)), "GRUB 2.06");
	assert_int_equal(get32(info + 44), 24 * machine.guest_map.count);
	for (u32 i = 0; i < machine.guest_map.count; i++) {
		const struct memmap_range *r = &machine.guest_map.range[i];
		u8 *e = (u8 *)phys_ptr(get32(info + 48)) + 24 * i;

		assert_int_equal(get32(e), 20);
		assert_int_equal(get64(e + 4), r->start);
		assert_int_equal(get64(e + 12), r->end - r->start);
		assert_int_equal(get32(e + 20), r->type);
	}
}

static void mb1_text_framebuffer(void **state)
{
	u8 *info;

	(void)state;
	machine.boot.fb = (struct boot_framebuffer){.type = BOOT_FB_TEXT,
						    .addr = 0xb8000,
						    .pitch = 160,
						    .width = 80,
						    .height = 25,
						    .bpp = 16};
	info = load(MIB(40), ELF_SIZE);
	assert_int_equal(get32(info) >> 12, 1);
	assert_int_equal(get64(info + 88), 0xb8000);
	assert_int_equal(get32(info + 100), 80);
	assert_int_equal(info[109], 2);
}

/* RAM that reaches to 4G: what would end there has no 32-bit end, wherever the boot loader put it. */
static void ram_to_4g(void **state)
{
	static u8 module[2][PAGE_SIZE];
	u8 *list;

	(void)state;
	machine_ram_to_4g(GIB(4) - 8 * PAGE_SIZE);
	machine_module(MIB(40), file, ELF_SIZE, "");
	for (u32 i = 0; i < 2; i++)
		fill_pattern(module[i], PAGE_SIZE, i + 10);
	machine_module(GIB(4) - PAGE_SIZE, module[0], PAGE_SIZE, "");
	machine_module(MIB(44) + 8, module[1], PAGE_SIZE, "");
	assert_int_equal(machine_load(), 0);
	list = phys_ptr(get32((u8 *)phys_ptr(machine.start.rbx) + 24));
	for (u32 i = 0; i < 2; i++, list += 16) {
		assert_int_equal((u64)get32(list + 4) - get32(list), PAGE_SIZE);
		assert_memory_equal(phys_ptr(get32(list)), module[i], PAGE_SIZE);
	}
}

/* Whatever lies where the kernel goes, its own file included, is moved and stays whole. */
static void files_in_the_way(void **state)
{
	static u8 module[3][20000];
	static const u64 at[3] = {0x103000, MIB(44), MIB(50) + 5};
	const char *words[3] = {"first", "", "third 3"};
	u8 *info, *list;

	(void)state;
	machine_module(0x101000 - 4096, file, ELF_SIZE, "");
	for (u32 i = 0; i < 3; i++) {
		fill_pattern(module[i], sizeof(module[i]), i + 10);
		machine_module(at[i], module[i], sizeof(module[i]), words[i]);
	}
	assert_int_equal(machine_load(), 0);
	assert_plain_at(0x100000);
	info = phys_ptr(machine.start.rbx);
	list = phys_ptr(get32(info + 24));
	assert_int_equal(get32(info + 20), 3);
	for (u32 i = 0; i < 3; i++, list += 16) {
		u64 start = get32(list), end = get32(list + 4);

		assert_int_equal(end - start, sizeof(module[i]));
		assert_int_equal(start % PAGE_SIZE, 0);
		assert_true(start >= 0x105000);
		assert_true(memmap_is_ram(&machine.guest_map, start, end));
		assert_memory_equal(phys_ptr(start), module[i], sizeof(module[i]));
		assert_string_equal(phys_ptr(get32(list + 8)), words[i]);
		assert_true(i != 1 || start == at[1]);
	}
}

static void mb1_elf64_virtual_entry(void **state)
{
	const struct elf_load loads[] = {
		{0x1000, 0xffffffff80000000, 0x200000, 0x1000, 0x1000},
		{0x2000, 0xffffffff80100000, 0x300000, 0x800, 0x800},
		{0, 0x5000, 0x5000, 0, 0},
	};

	(void)state;
	make_elf(file, true, 0xffffffff80100123, loads, 3);
	put_mb1(file + ELF_HEADER_AT, 0);
	load(MIB(40), ELF_SIZE);
	assert_int_equal(machine.start.rip, 0x300123);
	assert_memory_equal(phys_ptr(0x200000), file + 0x1000, 0x1000);
	assert_memory_equal(phys_ptr(0x300000), file + 0x2000, 0x800);
}

static void elf_physical_entry(void **state)
{
	const struct elf_load high = {0x1000, 0xffffffff80000000, 0x200000, 0x1000, 0x1000};

	(void)state;
	make_elf(file, true, 0x200040, &high, 1);
	put_mb1(file + ELF_HEADER_AT, 0);
	load(MIB(40), ELF_SIZE);
	assert_int_equal(machine.start.rip, 0x200040);
}

/* header_addr, load_addr, load_end, bss_end, entry after a header at 0x20. */
static void put_addresses(u32 header, u32 start, u32 end, u32 bss, u32 entry)
{
	memset(file, 0, sizeof(file));
	fill_pattern(file + 0x100, 0x1f00, 3);
	put_mb1(file + 0x20, 1 << 16);
	put32(file + 0x2c, header);
	put32(file + 0x30, start);
	put32(file + 0x34, end);
	put32(file + 0x38, bss);
	put32(file + 0x3c, entry);
}

static void mb1_addresses(void **state)
{
	(void)state;
	put_addresses(0x200010, 0x200000, 0x201000, 0x203000, 0x200200);
	load(MIB(40), 0x2000);
	assert_int_equal(machine.start.rip, 0x200200);
	assert_memory_equal(phys_ptr(0x200000), file + 0x10, 0x1000);
	assert_all_zero(0x201000, 0x2000);

	/* No ends: the whole file from there, no bss. */
	machine_reset();
	put_addresses(0x300020, 0x300000, 0, 0, 0x301fff);
	load(MIB(40), 0x2000);
	assert_memory_equal(phys_ptr(0x300000), file, 0x2000);
}

static void refuse_addresses(u32 header, u32 start, u32 end, u32 bss, u32 entry, const char *line)
{
	machine_reset();
	put_addresses(header, start, end, bss, entry);
	machine_module(MACHINE_RAM_END - 0x2000, file, 0x2000, "");
	assert_fails(line);
}

static void bad_addresses(void **state)
{
	(void)state;
	refuse_addresses(0x200021, 0x200000, 0, 0, 0x200000, "is loaded before the file starts");
	refuse_addresses(0x1fffff, 0x200000, 0, 0, 0x200000, "is loaded before the file starts");
	refuse_addresses(0x200000, 0x200000, 0x1fffff, 0, 0x200000, "load end 0x1fffff is below");
	refuse_addresses(0x200020, 0x200000, 0x202001, 0, 0x200000,
			 "is truncated: its header says 0x2001 bytes from 0x0, file has 0x2000");
	refuse_addresses(0x200020, 0x200000, 0x201000, 0x200fff, 0x200000, "its bss end 0x200fff");
	refuse_addresses(0x200020, 0x200000, 0, 0, 0x202000, "entry point 0x202000 is in no seg");
	refuse_addresses(0xfffff020, 0xfffff000, 0, 0, 0xfffff000, "is not below 4G");
	refuse_addresses(0x1800020, 0x1800000, 0, 0, 0x1800000,
			 "segment at 0x1800000-0x1802000 lies over notrap's own memory");
	refuse_addresses(0x17ff020, 0x17ff000, 0, 0, 0x17ff000, "lies over notrap's own memory");
	refuse_addresses(0x9e020, 0x9e000, 0, 0, 0x9e000, "0x9e000-0xa0000 is not in RAM");
	refuse_addresses(0x200020, 0x200000, 0, 0xfffff000, 0x200000, "0x200000-0xfffff000 is not");
}

/* ---- ELF refusals ---- */

static void refuse_elf(bool is64, u64 entry, const struct elf_load *loads, u32 count, u64 size,
		       const char *line)
{
	machine_reset();
	make_elf(file, is64, entry, loads, count);
	put_mb1(file + (count > 10 ? 0x1000 : ELF_HEADER_AT), 0);
	machine_module(MACHINE_RAM_END - size, file, size, "");
	assert_fails(line);
}

static void refuse_load(u64 offset, u64 paddr, u64 filesz, u64 memsz, const char *line)
{
	const struct elf_load load = {offset, paddr, paddr, filesz, memsz};

	refuse_elf(true, paddr, &load, 1, ELF_SIZE, line);
}

static void bad_segments(void **state)
{
	struct elf_load many[33];

	(void)state;
	refuse_elf(false, 0x100000, &plain, 1, 0x2fff, "is a truncated ELF: segment 0 has 0x2000");
	refuse_elf(true, 0x100000, &plain, 1, 0x2fff, "is a truncated ELF: segment 0 has 0x2000");
	refuse_load(0x1000, MIB(1), 0x2000, 0x1fff, "more bytes in the file (0x2000) than");
	refuse_load(~0ULL, MIB(1), 2, 2, "is a truncated ELF: segment 0 has 0x2 bytes at 0xffff");
	refuse_load(0x1000, MIB(1), ~0ULL, ~0ULL, "is a truncated ELF");
	refuse_load(0x1000, GIB(4) - 1, 1, 2, "at 0xffffffff, 0x2 bytes, is not below 4G");
	refuse_load(0x1000, ~0ULL, 1, 1, "is not below 4G");
	refuse_load(0x1000, MIB(1), 1, ~0ULL, "is not below 4G");
	refuse_load(0x1000, MACHINE_HV_END - 1, 1, 1, "lies over notrap's own memory");
	refuse_load(0x1000, MIB(1), 1, MIB(60), "0x100000-0x3d00000 lies over notrap's own memory");
	refuse_load(0x1000, 0xb8000, 1, 1, "0xb8000-0xb8001 is not in RAM");
	refuse_load(0x1000, MACHINE_ACPI, 1, 1, "is not in RAM");
	refuse_load(0x1000, MIB(1), 0, 0, "is an ELF file with nothing to load");
	refuse_elf(false, 0x200000, &plain, 1, ELF_SIZE, "entry point 0x200000 is in no segment");
	refuse_elf(true, ~0ULL, &plain, 1, ELF_SIZE, "is in no segment");
	for (u32 i = 0; i < 33; i++)
		many[i] = (struct elf_load){0x1000, MIB(1 + i), MIB(1) + KIB(8) * i, 16, 16};
	refuse_elf(true, MIB(1), many, 33, ELF_SIZE, "more than 32 segments");
}

static void refuse_elf_header(u32 offset, u32 size, u64 value, const char *line)
{
	machine_reset();
	make_elf(file, true, 0x100000, &plain, 1);
	put_mb1(file + ELF_HEADER_AT, 0);
	memcpy(file + offset, &value, size);
	machine_module(MACHINE_RAM_END - ELF_SIZE, file, ELF_SIZE, "");
	assert_fails(line);
}

static void bad_elf_headers(void **state)
{
	(void)state;
	refuse_elf_header(0, 4, 0x464c457e, "without address fields, and is no ELF file");
	refuse_elf_header(4, 1, 3, "is an ELF file, but no x86 executable");
	refuse_elf_header(5, 1, 2, "is an ELF file, but no x86 executable");
	refuse_elf_header(16, 2, 1, "is an ELF file, but no x86 executable");
	refuse_elf_header(18, 2, 183, "is an ELF file, but no x86 executable");
	refuse_elf_header(32, 8, ELF_SIZE - 55, "truncated ELF: program header 0 is beyond");
	refuse_elf_header(32, 8, ~0ULL, "truncated ELF: program header 0 is beyond");
	refuse_elf_header(54, 2, 55, "broken program headers: 1 of 55 bytes");
	refuse_elf_header(56, 2, 0xffff, "broken program headers: 65535 of 56 bytes");
	refuse_elf_header(56, 2, 4000, "truncated ELF: program header 218 is beyond");
	refuse_elf_header(56, 2, 0, "nothing to load");

	memset(file, 0, sizeof(file));
	put_text(file, "\177ELF");
	put_mb1(file + 16, 0);
	machine_reset();
	machine_module(MACHINE_RAM_END - 28, file, 28, "");
	assert_fails("is a truncated ELF: the header alone has 64 bytes, file has 28");
}

static void mb1_refusals(void **state)
{
	(void)state;
	put_mb1(file + ELF_HEADER_AT, 8);
	machine_module(MIB(40), file, ELF_SIZE, "");
	assert_fails("requires flags 0x8 that notrap does not know");
	memcpy((u8 *)phys_ptr(MIB(40)) + ELF_HEADER_AT, "\1", 1);
	assert_fails("is no kernel that notrap knows");
	put_mb1((u8 *)phys_ptr(MIB(40)) + KIB(8) - 8, 0);
	assert_fails("is no kernel that notrap knows"); /* the header must end within 8 KiB */
	put_mb1((u8 *)phys_ptr(MACHINE_RAM_END) - 12, 1 << 16);
	machine.boot.module[0] = (struct boot_module){MACHINE_RAM_END - 12, 12, "", ""};
	assert_fails("is truncated: its multiboot header ends beyond its 12 bytes");
}

/* A module and a kernel so large that the module can be put nowhere else. */
static void no_room_for_a_module(void **state)
{
	const struct elf_load large = {0x1000, MIB(32), MIB(32), 0x1000, MIB(29)};

	(void)state;
	make_elf(file, true, MIB(32), &large, 1);
	put_mb1(file + ELF_HEADER_AT, 0);
	machine_module(MIB(1), file, ELF_SIZE, "");
	machine.boot.module[machine.boot.modules++] =
		(struct boot_module){MIB(33), MIB(23), "", ""};
	assert_fails("module 2 (24117248 bytes) is in the way, and no room for it is left");
}

/* ---- multiboot2 ---- */

struct tags {
	u32 size;
	u8 bytes[256];
};

static void add_tag(struct tags *t, u16 type, u16 flags, const u32 *words, u32 count)
{
	u8 *at = t->bytes + t->size;

	put16(at, type);
	put16(at + 2, flags);
	put32(at + 4, 8 + 4 * count);
	for (u32 i = 0; i < count; i++)
		put32(at + 8 + 4 * i, words[i]);
	t->size += (8 + 4 * count + 7) & ~7U;
}

static void make_mb2(const struct tags *tags)
{
	static const u8 end[8] = {0, 0, 0, 0, 8};
	struct tags t = *tags;

	make_elf(file, true, 0x100010, &plain, 1);
	memcpy(t.bytes + t.size, end, 8);
	put_mb2(file + ELF_HEADER_AT, t.bytes, t.size + 8);
}

/* The first tag of a type in the information structure; NULL if there is none. */
static u8 *info_tag(u8 *info, u32 type)
{
	u8 *end = info + get32(info);

	assert_int_equal((u64)info % 8, 0);
	for (u8 *at = info + 8; at < end; at += (get32(at + 4) + 7) & ~7U) {
		assert_true(get32(at + 4) >= 8 && at + get32(at + 4) <= end);
		if (get32(at) == type)
			return at;
		assert_int_not_equal(get32(at), 0);
	}
	assert_true(false); /* no end tag */
	return NULL;
}

static void mb2_information(void **state)
{
	const struct tags none = {0};
	const struct memmap *map = &machine.guest_map;
	u8 module[100], *info, *tag;

	(void)state;
	machine.boot.efi_systab = MACHINE_ACPI + 0x1234;
	machine.boot.fb = (struct boot_framebuffer){.type = BOOT_FB_RGB,
						    .addr = 0xe0000000,
						    .pitch = 4096,
						    .width = 1024,
						    .height = 768,
						    .bpp = 32,
						    .red_pos = 16,
						    .red_size = 8,
						    .green_pos = 8,
						    .green_size = 8,
						    .blue_size = 8};
	make_mb2(&none);
	fill_pattern(module, sizeof(module), 4);
	machine_module(MIB(40), file, ELF_SIZE, "a b");
	machine_module(MIB(41), module, sizeof(module), "m 1");
	assert_int_equal(machine_load(), 0);
	assert_int_equal(machine.start.kind, GUEST_START_MULTIBOOT2);
	assert_int_equal(machine.start.rax, 0x36d76289);
	assert_int_equal(machine.start.rip, 0x100010);
	assert_int_equal(machine.start.cr0, 0x11);
	assert_plain_at(0x100000);

	info = phys_ptr(machine.start.rbx);
	assert_string_equal((char *)info_tag(info, 1) + 8, "a b");
	assert_string_equal((char *)info_tag(info, 2) + 8, "GRUB 2.06");
	tag = info_tag(info, 3);
	assert_int_equal(get32(tag + 8), MIB(41));
	assert_int_equal(get32(tag + 12), MIB(41) + 100);
	assert_string_equal((char *)tag + 16, "m 1");
	tag = info_tag(info, 4);
	assert_int_equal(get32(tag + 8), 636);
	assert_int_equal(get32(tag + 12), 23 * 1024);
	tag = info_tag(info, 6);
	assert_int_equal(get32(tag + 4), 16 + 24 * map->count);
	assert_int_equal(get32(tag + 8), 24);
	for (u32 i = 0; i < map->count; i++) {
		u8 *e = tag + 16 + 24 * i;

		assert_int_equal(get64(e), map->range[i].start);
		assert_int_equal(get64(e + 8), map->range[i].end - map->range[i].start);
		assert_int_equal(get32(e + 16), map->range[i].type);
	}
	tag = info_tag(info, 8);
	assert_int_equal(get32(tag + 4), 38);
	assert_int_equal(get64(tag + 8), 0xe0000000);
	assert_int_equal(tag[28] | tag[29] << 8, 32 | 1 << 8);
	assert_int_equal(tag[32], 16);
	assert_int_equal(get64(info_tag(info, 12) + 8), machine.boot.efi_systab);
	assert_int_equal(get32(info_tag(info, 0) + 4), 8);
}

static void mb2_rsdp(void **state)
{
	const struct tags none = {0};
	u8 rsdp[20] = "RSD PTR ", sum = 0, *tag;

	(void)state;
	for (u32 i = 0; i < 20; i++)
		sum += rsdp[i];
	rsdp[8] = (u8)-sum;
	memcpy(phys_ptr(MIB(1)), rsdp, 20); /* where the kernel goes */
	machine.boot.rsdp = MIB(1);
	make_mb2(&none);
	tag = info_tag(load(MIB(40), ELF_SIZE), 14);
	assert_int_equal(get32(tag + 4), 28);
	assert_memory_equal(tag + 8, rsdp, 20);
}

static void mb2_addresses(void **state)
{
	struct tags t = {0};

	(void)state;
	add_tag(&t, 2, 0, (const u32[]){0x200400, 0x200000, 0x203000, 0x204000}, 4);
	add_tag(&t, 3, 0, (const u32[]){0x200800}, 1);
	make_mb2(&t);
	load(MIB(40), ELF_SIZE);
	assert_int_equal(machine.start.rip, 0x200800);
	assert_memory_equal(phys_ptr(0x200000), file, 0x3000);
	assert_all_zero(0x203000, 0x1000);
}

/* The entry tag wins over the ELF's. */
static void mb2_entry(void **state)
{
	struct tags t = {0};

	(void)state;
	add_tag(&t, 3, 0, (const u32[]){0x100020}, 1);
	make_mb2(&t);
	load(MIB(40), ELF_SIZE);
	assert_int_equal(machine.start.rip, 0x100020);
}

static u64 load_relocated(u32 min, u32 max, u32 preference)
{
	struct tags t = {0};
	u64 base;

	machine_reset();
	add_tag(&t, 10, 0, (const u32[]){min, max, MIB(2), preference}, 4);
	make_mb2(&t);
	base = get32(info_tag(load(MIB(40), ELF_SIZE), 21) + 8);
	assert_plain_at(base);
	assert_int_equal(machine.start.rip, base + 0x10);
	return base;
}

static void mb2_relocatable(void **state)
{
	(void)state;
	assert_int_equal(load_relocated(0, 0xffffffff, 2), MIB(60));
	assert_int_equal(load_relocated(0, 0xffffffff, 1), MIB(2));
	assert_int_equal(load_relocated(MIB(22) + 1, MIB(34), 0), MIB(32));
	/* The last byte may be at max_addr, not above. */
	assert_int_equal(load_relocated(0, MIB(60) + 0x4fff, 2), MIB(60));
	assert_int_equal(load_relocated(0, MIB(60) + 0x4ffe, 2), MIB(58));
}

static void accept_tag(u16 type, u16 flags, const u32 *words, u32 count)
{
	struct tags t = {0};

	machine_reset();
	add_tag(&t, type, flags, words, count);
	make_mb2(&t);
	load(MIB(40), ELF_SIZE);
}

static void mb2_other_tags(void **state)
{
	(void)state;
	accept_tag(1, 0, (const u32[]){1, 3, 6, 14, 15}, 5);
	accept_tag(1, 1, (const u32[]){99}, 1);
	accept_tag(4, 0, (const u32[]){3}, 1);
	accept_tag(5, 0, (const u32[]){1024, 768, 32}, 3);
	accept_tag(6, 0, NULL, 0);
	accept_tag(7, 1, NULL, 0);
	accept_tag(9, 0, (const u32[]){0x100000}, 1);
	accept_tag(77, 1, NULL, 0);
}

static void refuse_tag(u16 type, const u32 *words, u32 count, const char *line)
{
	struct tags t = {0};

	machine_reset();
	add_tag(&t, type, 0, words, count);
	make_mb2(&t);
	machine_module(MIB(40), file, ELF_SIZE, "");
	assert_fails(line);
}

static void mb2_refusals(void **state)
{
	struct tags t = {0};

	(void)state;
	refuse_tag(77, NULL, 0, "requires tag 77, which notrap does not know");
	refuse_tag(7, NULL, 0, "requires EFI boot services");
	refuse_tag(1, (const u32[]){6, 22}, 2, "requires information of type 22");
	refuse_tag(1, (const u32[]){9, 6}, 2, "requires information of type 9, which notrap");
	refuse_tag(1, (const u32[]){64}, 1, "requires information of type 64");
	refuse_tag(2, (const u32[]){1, 2, 3}, 3, "tag 2 of its multiboot2 header is too short");
	refuse_tag(3, NULL, 0, "tag 3 of its multiboot2 header is too short");
	refuse_tag(10, NULL, 0, "tag 10 of its multiboot2 header is too short");
	refuse_tag(2, (const u32[]){0x200400, 0x200000, 0, 0}, 4, "addresses, but no entry");
	refuse_tag(3, (const u32[]){0x105000}, 1, "entry point 0x105000 is in no segment");
	refuse_tag(10, (const u32[]){0, 0xffffffff, 0, 0}, 4, "alignment 0x0, no power of two");
	refuse_tag(10, (const u32[]){0, 0xffffffff, 3, 0}, 4, "alignment 0x3, no power of two");
	refuse_tag(10, (const u32[]){MIB(24), MIB(31), 4096, 0}, 4,
		   "no room for the kernel: 0x5000");

	add_tag(&t, 6, 0, NULL, 0);
	make_mb2(&t);
	put32(file + ELF_HEADER_AT + 16 + 4, 7); /* smaller than a tag */
	machine_reset();
	machine_module(MIB(40), file, ELF_SIZE, "");
	assert_fails("tag 6 of its multiboot2 header has the size 7");
	put32((u8 *)phys_ptr(MIB(40)) + ELF_HEADER_AT + 16 + 4, 17); /* beyond the header */
	assert_fails("tag 6 of its multiboot2 header has the size 17");
	put_mb2((u8 *)phys_ptr(MIB(40)) + ELF_HEADER_AT, t.bytes, t.size);
	assert_fails("its multiboot2 header has no end tag");

	put32(file, 0xe85250d6);
	put32(file + 4, 4);
	put32(file + 8, 24);
	put32(file + 12, -(0xe85250d6 + 4 + 24));
	memcpy(phys_ptr(MACHINE_RAM_END - 16), file, 16);
	machine.boot.module[0] = (struct boot_module){MACHINE_RAM_END - 16, 16, "", ""};
	assert_fails("is for architecture 4, not for i386");
	put_mb2(phys_ptr(MACHINE_RAM_END - 16), t.bytes, 0);
	put32(phys_ptr(MACHINE_RAM_END - 8), 0xffffffff);
	put32(phys_ptr(MACHINE_RAM_END - 4), -(0xe85250d6 + 0xffffffff));
	assert_fails("is truncated: its multiboot2 header ends at 0xffffffff, file has 0x10 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(mb1_elf32, setup),
		cmocka_unit_test_setup(mb1_text_framebuffer, setup),
		cmocka_unit_test_setup(ram_to_4g, setup),
		cmocka_unit_test_setup(files_in_the_way, setup),
		cmocka_unit_test_setup(mb1_elf64_virtual_entry, setup),
		cmocka_unit_test_setup(elf_physical_entry, setup),
		cmocka_unit_test_setup(mb1_addresses, setup),
		cmocka_unit_test_setup(bad_addresses, setup),
		cmocka_unit_test_setup(bad_segments, setup),
		cmocka_unit_test_setup(bad_elf_headers, setup),
		cmocka_unit_test_setup(mb1_refusals, setup),
		cmocka_unit_test_setup(no_room_for_a_module, setup),
		cmocka_unit_test_setup(mb2_information, setup),
		cmocka_unit_test_setup(mb2_rsdp, setup),
		cmocka_unit_test_setup(mb2_addresses, setup),
		cmocka_unit_test_setup(mb2_entry, setup),
		cmocka_unit_test_setup(mb2_relocatable, setup),
		cmocka_unit_test_setup(mb2_other_tags, setup),
		cmocka_unit_test_setup(mb2_refusals, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
