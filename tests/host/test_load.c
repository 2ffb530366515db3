/* SPDX-License-Identifier: MIT */
/* Loading Linux: where everything goes, and what boot_params says. */
#include "tests/host/load_bzimage.h"

/* Hand the file over and load it, with a command line. */
static u8 *load(const char *cmdline)
{
	machine_module(MIB(40), file, BZ_SIZE, cmdline);
	assert_int_equal(machine_load(), 0);
	return phys_ptr(machine.start.rsi);
}

static void assert_payload_at(u64 at)
{
	assert_memory_equal(phys_ptr(at), file + BZ_OFFSET, BZ_PAYLOAD);
}

static void assert_free(u64 start, u64 size)
{
	assert_true(memmap_is_ram(&machine.guest_map, start, start + size));
}

/* What the tables at CR3 make of an address; ~0 where they map nothing. */
static u64 translate(u64 va)
{
	const u64 *table = phys_ptr(machine.start.cr3);

	for (int shift = 39;; shift -= 9) {
		u64 entry = table[va >> shift & 511];

		if ((entry & 3) != 3)
			return ~0ULL;
		if (shift == 12 || (entry & 0x80))
			return (entry & GENMASK(51, 12) & ~(BIT(shift) - 1)) |
			       (va & (BIT(shift) - 1));
		table = phys_ptr(entry & GENMASK(51, 12));
	}
}

static void linux64(void **state)
{
	const struct guest_start *s = &machine.start;
	u8 *p = load("console=ttyS0 quiet");

	(void)state;
	assert_true(s->long_mode);
	assert_int_equal(s->rip, 0x1000200);
	assert_payload_at(0x1000000);
	assert_int_equal(s->cr0, 0x80000011);
	assert_int_equal(s->cr4, 0x20);
	assert_int_equal(s->efer, 0x500);
	assert_int_equal(s->cs, 0x10);
	assert_int_equal(s->ds, 0x18);
	assert_int_equal(s->gdt_limit, 31);
	assert_int_equal(get64((u8 *)phys_ptr(s->gdt_base) + 0x10), 0x00af9b000000ffff);
	assert_int_equal(get64((u8 *)phys_ptr(s->gdt_base) + 0x18), 0x00cf93000000ffff);

	assert_memory_equal(p + 0x202, "HdrS", 4);
	assert_int_equal(p[0x210], 0xff);
	assert_int_equal(p[0x211], 0x01); /* KEEP_SEGMENTS is gone */
	assert_int_equal(get32(p + 0x268), 0x12345678);
	assert_int_equal(get32(p + 0x218) | get32(p + 0x21c), 0);
	assert_int_equal(p[0x1ef], 0);
	assert_string_equal(phys_ptr(get32(p + 0x228)), "console=ttyS0 quiet");
	assert_int_equal(p[6], 3);
	assert_int_equal(p[7], 80);
	assert_int_equal(p[0xe], 25);
	assert_int_equal(p[0xf], 1);

	for (u64 va = 0; va < GIB(4); va += MIB(2) - 8191)
		assert_int_equal(translate(va), va);
	assert_int_equal(translate(GIB(4)), ~0ULL);
}

static void e820_is_the_guests_map(void **state)
{
	const struct memmap *map = &machine.guest_map;
	u8 *p = load("");

	(void)state;
	assert_int_equal(p[0x1e8], map->count);
	assert_int_equal(get64(p + 0x250), 0);
	for (u32 i = 0; i < map->count; i++) {
		u8 *e = p + 0x2d0 + 20 * i;

		assert_int_equal(get64(e), map->range[i].start);
		assert_int_equal(get64(e + 8), map->range[i].end - map->range[i].start);
		assert_int_equal(get32(e + 16), map->range[i].type);
	}
}

static void e820_goes_on_in_setup_data(void **state)
{
	struct memmap *map = &machine.guest_map;

	(void)state;
	for (u64 at = GIB(5); map->count < 200; at += KIB(64))
		memmap_add(map, at, at + KIB(4), MEMMAP_RESERVED);
	u8 *p = load("");
	u8 *ext = phys_ptr(get64(p + 0x250));

	assert_int_equal(p[0x1e8], 128);
	assert_int_equal(get64(ext), 0);
	assert_int_equal(get32(ext + 8), 1);
	assert_int_equal(get32(ext + 12), (200 - 128) * 20);
	for (u32 i = 128; i < 200; i++)
		assert_int_equal(get64(ext + 16 + 20 * (i - 128)), map->range[i].start);
}

static void relocated_around_notrap(void **state)
{
	(void)state;
	put64(file + 0x258, MIB(22));
	load("");
	assert_int_equal(machine.start.rip, MACHINE_HV_END + 0x200);
	assert_payload_at(MACHINE_HV_END);
}

static void fixed_kernel(void **state)
{
	u8 *p;

	(void)state;
	file[0x234] = 0;
	p = load("");
	assert_int_equal(machine.start.rip, MIB(1) + 0x200);
	assert_int_equal(get32(p + 0x214), MIB(1));
	assert_payload_at(MIB(1));
}

static void linux32(void **state)
{
	(void)state;
	put16(file + 0x236, 0);
	load("");
	assert_false(machine.start.long_mode);
	assert_int_equal(machine.start.rip, 0x1000000);
	assert_int_equal(machine.start.cr0, 0x11);
	assert_int_equal(machine.start.cr3 | machine.start.cr4 | machine.start.efer, 0);
	assert_int_equal(get64((u8 *)phys_ptr(machine.start.gdt_base) + 0x10), 0x00cf9b000000ffff);
	assert_int_equal(machine.start.rax | machine.start.rbx, 0);
}

/* Before protocol 2.12 the bits of xloadflags mean nothing. */
static void linux32_by_version(void **state)
{
	(void)state;
	put16(file + 0x206, 0x020b);
	load("");
	assert_false(machine.start.long_mode);
	assert_int_equal(machine.start.rip, 0x1000000);
}

static void kernel_file_where_the_kernel_goes(void **state)
{
	(void)state;
	machine_module(MIB(16) - 4096, file, BZ_SIZE, "");
	assert_int_equal(machine_load(), 0);
	assert_payload_at(0x1000000);
}

/* The initrd, 3 MiB, at an address; returns where the guest finds it. */
static u64 load_initrd(u64 at, const char *cmdline)
{
	static u8 initrd[MIB(3)];
	u8 *p;

	fill_pattern(initrd, sizeof(initrd), 7);
	machine_module(MIB(40), file, BZ_SIZE, cmdline);
	machine_module(at, initrd, sizeof(initrd), "");
	assert_int_equal(machine_load(), 0);
	p = phys_ptr(machine.start.rsi);

	u64 found = get32(p + 0x218) | (u64)get32(p + 0xc0) << 32;

	assert_int_equal(get32(p + 0x21c) | (u64)get32(p + 0xc4) << 32, sizeof(initrd));
	assert_free(found, sizeof(initrd));
	assert_memory_equal(phys_ptr(found), initrd, sizeof(initrd));
	assert_payload_at(0x1000000);
	return found;
}

static void initrd_stays(void **state)
{
	(void)state;
	assert_int_equal(load_initrd(MIB(48), ""), MIB(48));
}

static void initrd_stays_above_4g(void **state)
{
	(void)state;
	assert_int_equal(load_initrd(GIB(4) + MIB(1), ""), GIB(4) + MIB(1));
}

static void initrd_moves_below_4g(void **state)
{
	(void)state;
	put16(file + 0x236, 1);
	assert_in_range(load_initrd(GIB(4) + MIB(1), ""), MIB(20), MIB(59));
}

static void initrd_moves_off_the_kernel(void **state)
{
	u64 at = load_initrd(MIB(18), "");

	(void)state;
	assert_int_equal(at % PAGE_SIZE, 0);
	assert_true(at >= MIB(20));
}

static void initrd_moves_below_its_limit(void **state)
{
	(void)state;
	put16(file + 0x236, 1);
	put32(file + 0x22c, (u32)MIB(12) - 1);
	assert_true(load_initrd(MIB(48), "") + MIB(3) <= MIB(12));
}

static void initrd_moves_to_a_page(void **state)
{
	(void)state;
	assert_int_equal(load_initrd(MIB(48) + 3, "") % PAGE_SIZE, 0);
}

static void empty_initrd_is_none(void **state)
{
	(void)state;
	machine_module(MIB(40), file, BZ_SIZE, "");
	machine_module(MIB(48), file, 0, "");
	assert_int_equal(machine_load(), 0);
	assert_int_equal(get32((u8 *)phys_ptr(machine.start.rsi) + 0x218), 0);
}

/* An RSDP with right checksums. */
static void put_rsdp(u8 *at)
{
	u8 sum = 0;

	memset(at, 0, 20);
	put_text(at, "RSD PTR ");
	put32(at + 16, (u32)MACHINE_ACPI);
	for (u32 i = 0; i < 20; i++)
		sum += at[i];
	at[8] = (u8)-sum;
}

static void rsdp_of_the_firmware_stays(void **state)
{
	(void)state;
	machine.boot.rsdp = MACHINE_ACPI + 0x10;
	put_rsdp(phys_ptr(machine.boot.rsdp));
	assert_int_equal(get64(load("") + 0x70), machine.boot.rsdp);
}

/* In RAM it is a copy, here where the kernel goes: the guest gets its own, on a page that stays. */
static void rsdp_copy_is_copied(void **state)
{
	u8 *p, rsdp[20];
	u64 at;
	bool listed = false;

	(void)state;
	/* Half a page more, so that the page is from the middle of its range. */
	memmap_set(&machine.guest_map, KIB(636), KIB(638), MEMMAP_RAM);
	machine.boot.rsdp = MIB(16);
	put_rsdp(rsdp);
	memcpy(phys_ptr(MIB(16)), rsdp, sizeof(rsdp));
	p = load("");
	at = get64(p + 0x70);
	assert_memory_equal(phys_ptr(at), rsdp, sizeof(rsdp));
	assert_int_equal(p[0x1e8], machine.guest_map.count + 2);
	for (u32 i = 0; i < p[0x1e8]; i++) {
		u8 *e = p + 0x2d0 + 20 * i;

		if (get64(e) == at)
			listed = get64(e + 8) == PAGE_SIZE && get32(e + 16) == MEMMAP_ACPI;
		else if (i)
			assert_true(get64(e) >= get64(e - 20) + get64(e - 12));
	}
	assert_true(listed);
}

static void framebuffer(void **state)
{
	u8 *p;

	(void)state;
	machine.boot.fb = (struct boot_framebuffer){.screen.type = BOOT_FB_RGB,
						    .screen.addr = 0x8e0000000,
						    .screen.pitch = 4096,
						    .screen.width = 1024,
						    .screen.height = 768,
						    .screen.bpp = 32,
						    .colours.red_pos = 16,
						    .colours.red_size = 8,
						    .colours.green_pos = 8,
						    .colours.green_size = 8,
						    .colours.blue_size = 8};
	p = load("");
	assert_int_equal(p[0xf], 0x23);
	assert_int_equal(get32(p + 0x12), 1024 | 768 << 16);
	assert_int_equal(get32(p + 0x18), 0xe0000000);
	assert_int_equal(get32(p + 0x1c), 4096 * 768 / 65536);
	assert_int_equal(get32(p + 0x36), 2);
	assert_int_equal(get32(p + 0x3a), 8);
	assert_int_equal(p[0x27], 16);
	assert_int_equal(p[0x2d], 24);
}

static void no_vga_text_on_efi(void **state)
{
	(void)state;
	machine.boot.efi_systab = MACHINE_ACPI;
	assert_int_equal(load("")[0xf], 0);
}

/* syssize counts 16 bytes, and is rounded up: the rest of the last 16 need not be in the file. */
static void rounded_up(void **state)
{
	(void)state;
	for (u64 less = 0; less < 16; less++) {
		u8 *at;

		machine_reset();
		machine_module(MACHINE_RAM_END - (BZ_SIZE - less), file, BZ_SIZE - less, "");
		assert_int_equal(machine_load(), 0);
		at = phys_ptr(machine.start.rip - 0x200);
		assert_memory_equal(at, file + BZ_OFFSET, BZ_PAYLOAD - less);
	}
}

static void builtin(void **state)
{
	(void)state;
	assert_int_equal(machine_load(), 0);
	assert_int_equal(machine.start.rip, MIB(1) + 0x20);
	assert_memory_equal(phys_ptr(MIB(1)), builtin_file, sizeof(builtin_file));
	machine.opt.guest = &builtin_guests[0];
	assert_int_equal(machine_load(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(linux64, bzimage_setup),
		cmocka_unit_test_setup(e820_is_the_guests_map, bzimage_setup),
		cmocka_unit_test_setup(e820_goes_on_in_setup_data, bzimage_setup),
		cmocka_unit_test_setup(relocated_around_notrap, bzimage_setup),
		cmocka_unit_test_setup(fixed_kernel, bzimage_setup),
		cmocka_unit_test_setup(linux32, bzimage_setup),
		cmocka_unit_test_setup(linux32_by_version, bzimage_setup),
		cmocka_unit_test_setup(kernel_file_where_the_kernel_goes, bzimage_setup),
		cmocka_unit_test_setup(initrd_stays, bzimage_setup),
		cmocka_unit_test_setup(initrd_stays_above_4g, bzimage_setup),
		cmocka_unit_test_setup(initrd_moves_below_4g, bzimage_setup),
		cmocka_unit_test_setup(initrd_moves_off_the_kernel, bzimage_setup),
		cmocka_unit_test_setup(initrd_moves_below_its_limit, bzimage_setup),
		cmocka_unit_test_setup(initrd_moves_to_a_page, bzimage_setup),
		cmocka_unit_test_setup(empty_initrd_is_none, bzimage_setup),
		cmocka_unit_test_setup(rsdp_of_the_firmware_stays, bzimage_setup),
		cmocka_unit_test_setup(rsdp_copy_is_copied, bzimage_setup),
		cmocka_unit_test_setup(framebuffer, bzimage_setup),
		cmocka_unit_test_setup(no_vga_text_on_efi, bzimage_setup),
		cmocka_unit_test_setup(rounded_up, bzimage_setup),
		cmocka_unit_test_setup(builtin, bzimage_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
