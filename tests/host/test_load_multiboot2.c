/* SPDX-License-Identifier: MIT */
/* Loading multiboot2 kernels: placing, information, and each refusal. */
#include "tests/host/load_plain.h"

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
	machine.boot.fb = (struct boot_framebuffer){.screen.type = BOOT_FB_RGB,
						    .screen.addr = 0xe0000000,
						    .screen.pitch = 4096,
						    .screen.width = 1024,
						    .screen.height = 768,
						    .screen.bpp = 32,
						    .colours.red_pos = 16,
						    .colours.red_size = 8,
						    .colours.green_pos = 8,
						    .colours.green_size = 8,
						    .colours.blue_size = 8};
	make_mb2(&none);
	fill_pattern(module, sizeof(module), 4);
	machine_module(MIB(40), file, ELF_SIZE, "a b");
	machine_module(MIB(41), module, sizeof(module), "m 1");
	assert_int_equal(machine_load(), 0);
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
		cmocka_unit_test_setup(mb2_information, plain_setup),
		cmocka_unit_test_setup(mb2_rsdp, plain_setup),
		cmocka_unit_test_setup(mb2_addresses, plain_setup),
		cmocka_unit_test_setup(mb2_entry, plain_setup),
		cmocka_unit_test_setup(mb2_relocatable, plain_setup),
		cmocka_unit_test_setup(mb2_other_tags, plain_setup),
		cmocka_unit_test_setup(mb2_refusals, plain_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
