/* SPDX-License-Identifier: MIT */
/* The search for the RSDP, in what a BIOS and what EFI leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "guest/firmware/acpi.h"
#include "mm/phys/map.h"
#include "tests/host/fake/ram.h"

static u8 low[MIB(2)];

struct fake_ram fake_ram[] = {{0, sizeof(low), low, 0}};
const u32 fake_ram_count = 1;

static void put_rsdp(u64 hpa)
{
	static const u8 signature[8] = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '};
	u8 sum = 0;

	memcpy(low + hpa, signature, sizeof(signature));
	for (int i = 0; i < 19; i++)
		sum += low[hpa + i];
	low[hpa + 19] = (u8)-sum;
}

static u64 find_at(u64 efi_systab)
{
	struct bootinfo boot = {.efi_systab = efi_systab};

	memmap_add(&boot.map, PAGE_SIZE, MIB(1), MEMMAP_RESERVED);
	return acpi_find_rsdp(&boot);
}

static void test_rsdp_bios(void **state)
{
	(void)state;
	memset(low, 0, sizeof(low));
	assert_int_equal(find_at(0), 0);
	put_rsdp(0xffff0 - 16);
	assert_int_equal(find_at(0), 0xfffe0);
	put_rsdp(0xe0010);
	assert_int_equal(find_at(0), 0xe0010);
	low[0xe0010 + 19]++;
	assert_int_equal(find_at(0), 0xfffe0);
	/* The extended BIOS data area comes first, where its segment is one. */
	put_rsdp(0x9fc00 + 0x3e0);
	assert_int_equal(find_at(0), 0xfffe0);
	low[0x40e] = 0xc0;
	low[0x40f] = 0x9f;
	assert_int_equal(find_at(0), 0x9fc00 + 0x3e0);
	/* The word is no segment of one. */
	put_rsdp(0x1bc00 + 0x3e0);
	low[0x40f] = 0x1b;
	assert_int_equal(find_at(0), 0xfffe0);
}

static void put_efi_table(u32 at, const char *guid, u64 addr)
{
	memcpy(low + at, guid, 16);
	memcpy(low + at + 16, &addr, 8);
}

static void test_rsdp_efi(void **state)
{
	static const char acpi1[] =
		"\x30\x2d\x9d\xeb\x88\x2d\xd3\x11\x9a\x16\x00\x90\x27\x3f\xc1\x4d";
	static const char acpi2[] =
		"\x71\xe8\x68\x88\xf1\xe4\xd3\x11\xbc\x22\x00\x80\xc7\x3c\x88\x81";
	u64 nr = 3, tables = 0x5000;

	(void)state;
	memset(low, 0, sizeof(low));
	put_rsdp(0xe0000); /* is not looked for on EFI */
	put_rsdp(0x6000);
	put_rsdp(0x7000);
	memcpy(low + 0x4000 + 104, &nr, 8);
	memcpy(low + 0x4000 + 112, &tables, 8);
	put_efi_table(0x5000, "another one     ", 0x6000);
	put_efi_table(0x5018, acpi1, 0x7000);
	put_efi_table(0x5030, acpi2, 0x6000);
	assert_int_equal(find_at(0x4000), 0x6000);
	low[0x6000] = 0;
	assert_int_equal(find_at(0x4000), 0x7000);
	put_efi_table(0x5018, acpi1, ~0ULL);
	assert_int_equal(find_at(0x4000), 0);
	/* Not in the firmware's map. */
	put_rsdp(MIB(1) + 0x1000);
	put_efi_table(0x5018, acpi1, MIB(1) + 0x1000);
	assert_int_equal(find_at(0x4000), 0);
	/* Tables out of reach. */
	tables = ~0ULL;
	memcpy(low + 0x4000 + 112, &tables, 8);
	assert_int_equal(find_at(0x4000), 0);
	nr = 1ULL << 60;
	memcpy(low + 0x4000 + 104, &nr, 8);
	assert_int_equal(find_at(0x4000), 0);
	assert_int_equal(find_at(~0ULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rsdp_bios),
		cmocka_unit_test(test_rsdp_efi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
