/* SPDX-License-Identifier: MIT */
/* Loading multiboot1 kernels: placing, information, and each refusal. */
#include "tests/host/load_plain.h"

static void mb1_elf32(void **state)
{
	const struct guest_start *s = &machine.start;
	u8 *info;

	(void)state;
	fill_pattern(phys_ptr(MIB(1)), 0x10000, 9); /* the bss must become zero */
	info = load(MIB(40), ELF_SIZE);
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
	machine.boot.fb = (struct boot_framebuffer){.screen.type = BOOT_FB_TEXT,
						    .screen.addr = 0xb8000,
						    .screen.pitch = 160,
						    .screen.width = 80,
						    .screen.height = 25,
						    .screen.bpp = 16};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(mb1_elf32, plain_setup),
		cmocka_unit_test_setup(mb1_text_framebuffer, plain_setup),
		cmocka_unit_test_setup(ram_to_4g, plain_setup),
		cmocka_unit_test_setup(files_in_the_way, plain_setup),
		cmocka_unit_test_setup(mb1_elf64_virtual_entry, plain_setup),
		cmocka_unit_test_setup(elf_physical_entry, plain_setup),
		cmocka_unit_test_setup(mb1_addresses, plain_setup),
		cmocka_unit_test_setup(bad_addresses, plain_setup),
		cmocka_unit_test_setup(mb1_refusals, plain_setup),
		cmocka_unit_test_setup(no_room_for_a_module, plain_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
