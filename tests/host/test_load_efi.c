/* SPDX-License-Identifier: MIT */
/* What guests are given of EFI firmware: system table and memory map, notrap's memory reserved. */
#include "mm/phys/phys.h"
#include "tests/host/load_files.h"
#include "tests/host/load_machine.h"
#include <string.h>

#define SYSTAB    0x123456789000
#define DESC_SIZE 48 /* firmware's are longer than the structure */
#define RUNTIME   (1ULL << 63)

static u8 file[FILE_MAX], map[16 * DESC_SIZE];
static u32 descs;

static void add(u32 type, u64 start, u64 end, u64 attr)
{
	const struct efi_desc d = {
		.type = type, .start = start, .pages = (end - start) / PAGE_SIZE, .attr = attr};
	u8 *at = map + DESC_SIZE * descs++;

	memcpy(at, &d, sizeof(d));
	memset(at + sizeof(d), 0x50 + (int)type, DESC_SIZE - sizeof(d));
	machine.boot.efi.map_size = descs * DESC_SIZE;
}

static int setup(void **state)
{
	(void)state;
	machine_reset();
	descs = 0;
	machine.boot.efi_systab = SYSTAB;
	machine.boot.efi = (struct boot_efi){.map = map, .desc_size = DESC_SIZE, .desc_version = 1};
	add(EFI_CONVENTIONAL, MIB(1), MIB(40), 15);
	add(EFI_BOOT_DATA, MIB(40), MIB(41), 15);
	add(EFI_LOADER_DATA, MIB(41), MACHINE_RAM_END, 15);
	add(6, MACHINE_ACPI, MACHINE_ACPI + PAGE_SIZE, 15 | RUNTIME);
	add(11, GIB(3), GIB(3) + MIB(1), RUNTIME);
	assert_int_equal(memmap_add(&machine.boot.free, MIB(40), MIB(41), MEMMAP_RESERVED), 0);
	make_bzimage(file);
	return 0;
}

/* Five descriptors, the first of them in three parts. */
static void assert_map(const u8 *at, u32 size)
{
	static const struct efi_desc want[] = {
		{EFI_CONVENTIONAL, 0, MIB(1), 0, 23 * 256, 15},
		{EFI_RESERVED, 0, MACHINE_HV_START, 0, 8 * 256, 15},
		{EFI_CONVENTIONAL, 0, MACHINE_HV_END, 0, 8 * 256, 15},
		{EFI_BOOT_DATA, 0, MIB(40), 0, 256, 15},
		{EFI_LOADER_DATA, 0, MIB(41), 0, 21 * 256, 15},
		{6, 0, MACHINE_ACPI, 0, 1, 15 | RUNTIME},
		{11, 0, GIB(3), 0, 256, RUNTIME},
	};

	assert_int_equal(size, sizeof(want) / sizeof(*want) * DESC_SIZE);
	for (u32 i = 0; i < sizeof(want) / sizeof(*want); i++, at += DESC_SIZE) {
		assert_memory_equal(at, &want[i], sizeof(want[i]));
		assert_int_equal(at[DESC_SIZE - 1], i < 3 ? 0x57 : 0x50 + want[i].type);
	}
}

static const u8 *linux_params(void)
{
	machine_module(MIB(42), file, BZ_SIZE, "");
	assert_int_equal(machine_load(), 0);
	return phys_ptr(machine.start.rsi);
}

static void linux_has_it(void **state)
{
	const u8 *p = linux_params() + 0x1c0;

	(void)state;
	assert_memory_equal(p, "EL64", 4);
	assert_int_equal(get32(p + 4) | (u64)get32(p + 24) << 32, SYSTAB);
	assert_int_equal(get32(p + 8), DESC_SIZE);
	assert_int_equal(get32(p + 12), 1);
	assert_map(phys_ptr(get32(p + 16) | (u64)get32(p + 28) << 32), get32(p + 20));
}

static void a_32_bit_firmware(void **state)
{
	(void)state;
	machine.boot.efi.is32 = true;
	assert_memory_equal(linux_params() + 0x1c0, "EL32", 4);
}

static void without_a_map(void **state)
{
	const u8 zero[32] = {0};

	(void)state;
	machine.boot.efi.map = NULL;
	machine.boot.efi.map_size = 0;
	assert_memory_equal(linux_params() + 0x1c0, zero, sizeof(zero));
}

/* Tables of the firmware's may be there. */
static void nothing_is_put_over_boot_services(void **state)
{
	static u8 expected[MIB(1)];
	u64 pref = MIB(40);

	(void)state;
	memcpy(file + 0x258, &pref, sizeof(pref));
	fill_pattern(phys_ptr(pref), MIB(1), 3);
	linux_params();
	assert_true(machine.start.rip >= MIB(41));
	fill_pattern(expected, sizeof(expected), 3);
	assert_memory_equal(phys_ptr(pref), expected, sizeof(expected));
}

static const u8 *tag(const u8 *info, u32 type)
{
	const u8 *t = info + 8;

	for (; get32(t) != type && get32(t); t += (get32(t + 4) + 7) & ~7U)
		;
	return get32(t) == type ? t : NULL;
}

static void multiboot2_has_it(void **state)
{
	static const struct elf_load load = {0x1000, 0x100000, 0x100000, 0x1000, 0x1000};
	const u32 end[] = {0, 8};
	const u8 *info;

	(void)state;
	make_elf(file, false, 0x100010, &load, 1);
	put_mb2(file + ELF_HEADER_AT, end, sizeof(end));
	machine_module(MIB(42), file, ELF_SIZE, "");
	assert_int_equal(machine_load(), 0);
	info = phys_ptr(machine.start.rbx);
	assert_int_equal(get64(tag(info, 12) + 8), SYSTAB);
	assert_null(tag(info, 11));
	assert_null(tag(info, 18)); /* boot services have ended */
	assert_int_equal(get32(tag(info, 17) + 8), DESC_SIZE);
	assert_int_equal(get32(tag(info, 17) + 12), 1);
	assert_map(tag(info, 17) + 16, get32(tag(info, 17) + 4) - 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(linux_has_it, setup),
		cmocka_unit_test_setup(a_32_bit_firmware, setup),
		cmocka_unit_test_setup(without_a_map, setup),
		cmocka_unit_test_setup(nothing_is_put_over_boot_services, setup),
		cmocka_unit_test_setup(multiboot2_has_it, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
