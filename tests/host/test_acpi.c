/* SPDX-License-Identifier: MIT */
/* ACPI's power registers: from good tables, old and new, and from garbage. */
#include "guest/acpi.h"
#include "mm/phys/phys.h"
#include "tests/host/load_machine.h"
#include "tests/host/rnd.h"
#include <string.h>

#define RSDP_AT (MACHINE_ACPI + 0x20)
#define SDT_AT  (MACHINE_ACPI + 0x100)
#define FADT_AT (MACHINE_ACPI + 0x200)
#define DSDT_AT (MACHINE_ACPI + 0x400)
#define SSDT_AT (MACHINE_ACPI + 0x600)

static struct acpi_power power;

static void set_sum(u8 *data, u32 size, u32 at)
{
	u8 sum = 0;

	data[at] = 0;
	for (u32 i = 0; i < size; i++)
		sum += data[i];
	data[at] = (u8)-sum;
}

static u8 *make_table(u64 at, const char *signature, u32 size)
{
	u8 *t = phys_ptr(at);

	memset(t, 0, size);
	memcpy(t, signature, 4);
	put32(t + 4, size);
	return t;
}

static void put_rsdp(u8 *at, u8 revision, u64 sdt)
{
	memset(at, 0, 36);
	put_text(at, "RSD PTR ");
	at[15] = revision;
	put32(at + 16, revision < 2 ? (u32)sdt : 0);
	put32(at + 20, 36);
	put64(at + 24, revision < 2 ? 0 : sdt);
	set_sum(at, 20, 8);
	set_sum(at, 36, 32);
}

/* AML from after the table's header: anything, then Name (_S5, Package {5, 6, 0, 0}). */
static const u8 s5[] = {0x10, 0x06, 0x5c, 0x00, 0x08, '_',  'S',  '5',  '_',  0x12,
			0x08, 0x04, 0x0a, 0x05, 0x0a, 0x06, 0x00, 0x00, 0x5b, 0x80};

static void make_aml(u64 at, const char *signature, const u8 *aml, u32 size)
{
	u8 *t = make_table(at, signature, 36 + size + 8);

	memcpy(t + 36, aml, size);
	set_sum(t, 36 + size + 8, 9);
}

static u8 *fadt(void)
{
	return phys_ptr(FADT_AT);
}

static int setup(void **state)
{
	u8 *t;

	(void)state;
	machine_reset();
	machine.boot.rsdp = RSDP_AT;
	put_rsdp(phys_ptr(RSDP_AT), 2, SDT_AT);
	t = make_table(SDT_AT, "XSDT", 36 + 3 * 8);
	put64(t + 36, MACHINE_ACPI + 0x12340); /* no table there */
	put64(t + 44, FADT_AT);
	put64(t + 52, SSDT_AT);
	set_sum(t, 36 + 3 * 8, 9);
	make_aml(DSDT_AT, "DSDT", s5, sizeof(s5));
	t = make_table(FADT_AT, "FACP", 244);
	put32(t + 40, (u32)DSDT_AT);
	put32(t + 64, 0x604);
	put32(t + 68, 0x608);
	put32(t + 112, 1 << 10);
	t[116] = ACPI_SPACE_IO;
	put64(t + 120, 0xcf9);
	t[128] = 6;
	set_sum(t, 244, 9);
	return 0;
}

static void assert_found(void)
{
	assert_int_equal(acpi_find_power(&machine.boot, &power), 0);
	assert_int_equal(power.pm1a_cnt, 0x604);
	assert_int_equal(power.pm1b_cnt, 0x608);
}

static void assert_s5(u8 a, u8 b)
{
	assert_found();
	assert_true(power.s5_known);
	assert_int_equal(power.s5_typ_a, a);
	assert_int_equal(power.s5_typ_b, b);
}

static void assert_nothing(void)
{
	static const struct acpi_power zero;

	memset(&power, 0xa5, sizeof(power));
	assert_int_equal(acpi_find_power(&machine.boot, &power), -1);
	assert_memory_equal(&power, &zero, sizeof(power));
}

static void xsdt(void **state)
{
	(void)state;
	assert_s5(5, 6);
	assert_true(power.reset.supported);
	assert_int_equal(power.reset.space, ACPI_SPACE_IO);
	assert_int_equal(power.reset.addr, 0xcf9);
	assert_int_equal(power.reset.value, 6);
}

static void extended_fields_win(void **state)
{
	(void)state;
	put64(fadt() + 140, DSDT_AT);
	put32(fadt() + 40, 0);
	put32(fadt() + 64, 0x999);
	fadt()[172] = ACPI_SPACE_IO;
	put64(fadt() + 176, 0x604);
	fadt()[184] = ACPI_SPACE_MEMORY; /* no port: the old field then */
	put64(fadt() + 188, 0xfed00000);
	set_sum(fadt(), 244, 9);
	assert_s5(5, 6);
}

/* Without an address the EBDA and the BIOS's area are searched. A FADT of 116 bytes has no reset. */
static void scanned(void **state)
{
	u8 *t = make_table(SDT_AT, "RSDT", 36 + 4);

	(void)state;
	put32(t + 36, (u32)FADT_AT);
	set_sum(t, 40, 9);
	put32(fadt() + 4, 116);
	set_sum(fadt(), 116, 9);
	machine.boot.rsdp = 0;
	put_rsdp(phys_ptr(0xf5a30), 0, SDT_AT);
	assert_s5(5, 6);
	assert_false(power.reset.supported);
	memset(phys_ptr(0xf5a30), 0, 36);
	put16(phys_ptr(0x40e), 0x9e00);
	put_rsdp(phys_ptr(0x9e3d0), 0, SDT_AT);
	assert_s5(5, 6);
	machine.boot.efi_systab = MACHINE_ACPI; /* there is no BIOS to search on such a machine */
	assert_nothing();
}

static void put_s5(const u8 *aml, u32 size)
{
	make_aml(DSDT_AT, "DSDT", aml, size);
}

static void aml_forms(void **state)
{
	/* \_S5, a two-byte length, Zero and One. */
	static const u8 root[] = {0x08, '\\', '_', 'S', '5', '_', 0x12, 0x45, 0x00, 4, 0x00, 0x01};
	/* A word, a double word: only the low byte counts, and of it the low three bits. */
	static const u8 wide[] = {0x08, '_',  'S',  '5',  '_', 0x12, 0x0b, 2,
				  0x0b, 0x0d, 0xee, 0x0c, 7,   0,    0,    0};
	static const u8 single[] = {0x08, '_', 'S', '5', '_', 0x12, 0x03, 1, 0xff};
	/* A name in the wrong place before the right one. */
	static const u8 twice[] = {0x00, '_', 'S', '5', '_', 0x12, 5, 2, 0x0a, 1, 0x0a, 1,
				   0x08, '_', 'S', '5', '_', 0x12, 5, 2, 0x0a, 3, 0x0a, 2};

	(void)state;
	put_s5(root, sizeof(root));
	assert_s5(0, 1);
	put_s5(wide, sizeof(wide));
	assert_s5(5, 7);
	put_s5(single, sizeof(single));
	assert_s5(7, 0);
	put_s5(twice, sizeof(twice));
	assert_s5(3, 2);
}

static void aml_without(void **state)
{
	static const u8 method[] = {0x14, '_', 'S', '5', '_', 0x12, 5, 2, 0x0a, 1, 0x0a, 1};
	static const u8 empty[] = {0x08, '_', 'S', '5', '_', 0x12, 2, 0};
	static const u8 reference[] = {0x08, '_', 'S', '5', '_', 0x12, 5, 2, 'A', 'B', 'C', 'D'};
	static const u8 cut[] = {0x08, '_', 'S', '5', '_', 0x12, 0x05, 2, 0x0a};

	(void)state;
	put_s5(method, sizeof(method));
	assert_found();
	assert_false(power.s5_known);
	put_s5(empty, sizeof(empty));
	assert_found();
	assert_false(power.s5_known);
	put_s5(reference, sizeof(reference));
	assert_found();
	assert_false(power.s5_known);
	u8 *t = make_table(DSDT_AT, "DSDT", 36 + sizeof(cut));

	memcpy(t + 36, cut, sizeof(cut));
	set_sum(t, 36 + sizeof(cut), 9);
	assert_found();
	assert_false(power.s5_known);
}

/* Name (_S3, Package), a method of that name, and \_S4: only packages are renamed, and sums stay right. */
static void other_sleep_states(void **state)
{
	static const u8 aml[] = {0x08, '_',  'S', '3',  '_', 0x12, 5,    2, 0x0a, 1,    0x0a,
				 1,    0x14, '_', 'S',  '3', '_',  0,    0, 0x08, '\\', '_',
				 'S',  '4',  '_', 0x12, 5,   2,    0x0a, 2, 0x0a, 2};
	u8 *dsdt = (u8 *)phys_ptr(DSDT_AT) + 36, *ssdt = (u8 *)phys_ptr(SSDT_AT) + 36;

	(void)state;
	put_s5(aml, sizeof(aml));
	make_aml(SSDT_AT, "SSDT", s5, sizeof(s5));
	assert_int_equal(acpi_hide_sleep(&machine.boot), 0);
	assert_memory_equal(dsdt, "\x08XS3_\x12", 6);
	assert_memory_equal(dsdt + 12, "\x14_S3_", 5);
	assert_memory_equal(dsdt + 19, "\x08\\XS4_", 6);
	assert_memory_equal(ssdt, s5, sizeof(s5));
	/* The DSDT is still one: its _S5 would be found. */
	memcpy(dsdt, s5, sizeof(s5));
	set_sum(dsdt - 36, 36 + sizeof(aml) + 8, 9);
	assert_s5(5, 6);
	put_s5(aml, sizeof(aml));
	acpi_hide_sleep(&machine.boot);
	u8 sum = 0;

	for (u32 i = 0; i < 36 + sizeof(aml) + 8; i++)
		sum += dsdt[(s32)i - 36];
	assert_int_equal(sum, 0);
}

/* What starts a sleep state: old ports, memory, and the register of hardware-reduced ACPI. */
static void sleep_registers(void **state)
{
	(void)state;
	assert_found();
	assert_int_equal(power.nr_sleep, 2);
	assert_int_equal(power.sleep[0].addr, 0x605);
	assert_int_equal(power.sleep[0].s5_typ, 5);
	assert_int_equal(power.sleep[1].addr, 0x609);
	assert_int_equal(power.sleep[1].s5_typ, 6);
	put32(fadt() + 4, 268);
	memset(fadt() + 244, 0, 24);
	fadt()[172] = ACPI_SPACE_MEMORY;
	put64(fadt() + 176, 0xfed80804);
	fadt()[244] = ACPI_SPACE_IO;
	put64(fadt() + 248, 0x700);
	set_sum(fadt(), 268, 9);
	assert_found();
	assert_int_equal(power.nr_sleep, 4);
	assert_int_equal(power.sleep[1].space, ACPI_SPACE_MEMORY);
	assert_int_equal(power.sleep[1].addr, 0xfed80805);
	assert_int_equal(power.sleep[3].space, ACPI_SPACE_IO);
	assert_int_equal(power.sleep[3].addr, 0x700);
	assert_int_equal(power.sleep[3].s5_typ, 5);
}

static void s5_in_an_ssdt(void **state)
{
	(void)state;
	put_s5((const u8 *)"", 1);
	make_aml(SSDT_AT, "SSDT", s5, sizeof(s5));
	assert_s5(5, 6);
}

static void broken(u8 *at, u32 size, u64 value, bool found)
{
	u8 saved[8];

	memcpy(saved, at, 8);
	memcpy(at, &value, size);
	if (found) {
		assert_found();
		assert_false(power.s5_known);
	} else {
		assert_nothing();
	}
	memcpy(at, saved, 8);
	assert_s5(5, 6);
}

static void bad_checksums(void **state)
{
	(void)state;
	broken((u8 *)phys_ptr(RSDP_AT) + 8, 1, 0x77, false);
	broken((u8 *)phys_ptr(RSDP_AT) + 33, 1, 0x77, false);
	broken((u8 *)phys_ptr(SDT_AT) + 9, 1, 0x77, false);
	broken(fadt() + 9, 1, 0x77, false);
	broken((u8 *)phys_ptr(DSDT_AT) + 9, 1, 0x77, true);
}

static void bad_lengths(void **state)
{
	static const u32 lengths[] = {0, 35, 0x7fffffff, 0xffffffff, (u32)MIB(17), (u32)MIB(1)};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
		broken((u8 *)phys_ptr(SDT_AT) + 4, 4, lengths[i], false);
		broken(fadt() + 4, 4, lengths[i], false);
		broken((u8 *)phys_ptr(DSDT_AT) + 4, 4, lengths[i], true);
	}
}

/* Addresses where there is nothing to read: the machine faults on a touch. */
static void bad_addresses(void **state)
{
	static const u64 at[] = {0,       1,     MIB(63), GIB(3), GIB(4) + MIB(64) - 8,
				 BIT(52), ~0ULL, ~35ULL};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(at); i++) {
		u8 *x = phys_ptr(SDT_AT);

		setup(state);
		put64(x + 44, at[i]);
		set_sum(x, 36 + 3 * 8, 9);
		assert_nothing();
		setup(state);
		put_rsdp(phys_ptr(RSDP_AT), 2, at[i]);
		assert_nothing();
		setup(state);
		machine.boot.rsdp = at[i];
		assert_nothing();
		setup(state);
		put64(fadt() + 140, at[i]);
		put32(fadt() + 40, 0);
		set_sum(fadt(), 244, 9);
		assert_found();
		assert_false(power.s5_known);
	}
}

/* Bytes changed at random, checksums made right again: whatever comes of it, no crash. */
static void garbage(void **state)
{
	static const struct {
		u64 at;
		u32 size;
	} tables[] = {{RSDP_AT, 36}, {SDT_AT, 60}, {FADT_AT, 244}, {DSDT_AT, 36 + sizeof(s5) + 8}};
	struct rnd r;

	setup(state);
	rnd_seed(&r, 2);
	for (u32 round = 0; round < 20000; round++) {
		u32 which = rnd(&r, ARRAY_SIZE(tables));
		u8 *t = phys_ptr(tables[which].at), saved[256];

		memcpy(saved, t, tables[which].size);
		for (u32 i = 0; i <= round % 4; i++)
			t[rnd(&r, tables[which].size)] = (u8)rnd64(&r);
		if (which)
			set_sum(t, tables[which].size, 9);
		else
			put_rsdp(t, t[15], get64(t + 24));
		acpi_find_power(&machine.boot, &power);
		memcpy(t, saved, tables[which].size);
	}
	assert_s5(5, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(xsdt, setup),
		cmocka_unit_test_setup(extended_fields_win, setup),
		cmocka_unit_test_setup(scanned, setup),
		cmocka_unit_test_setup(aml_forms, setup),
		cmocka_unit_test_setup(aml_without, setup),
		cmocka_unit_test_setup(other_sleep_states, setup),
		cmocka_unit_test_setup(sleep_registers, setup),
		cmocka_unit_test_setup(s5_in_an_ssdt, setup),
		cmocka_unit_test_setup(bad_checksums, setup),
		cmocka_unit_test_setup(bad_lengths, setup),
		cmocka_unit_test_setup(bad_addresses, setup),
		cmocka_unit_test_setup(garbage, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
