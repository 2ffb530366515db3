/* SPDX-License-Identifier: MIT */
/* The MP table: other CPUs are taken out, the rest stays; broken tables are no longer to be found. */
#include "guest/firmware/mptable.h"
#include "mm/phys/phys.h"
#include "tests/host/load_machine.h"
#include <string.h>

#define FLOATING_AT 0xf5a00
#define TABLE_AT    0xf5b00
#define HEADER      44

static u8 *table(void)
{
	return phys_ptr(TABLE_AT);
}

static u8 *floating(void)
{
	return phys_ptr(FLOATING_AT);
}

static void set_sum(u8 *data, u32 size, u32 at)
{
	data[at] = 0;
	for (u32 i = 0; i < size; i++)
		if (i != at)
			data[at] -= data[i];
}

static bool sound(const u8 *data, u32 size)
{
	u8 sum = 0;

	for (u32 i = 0; i < size; i++)
		sum += data[i];
	return !sum;
}

/* Put an entry behind the last: a CPU's, or another of that type. */
static void add(u8 type, u8 id)
{
	u16 size = *(u16 *)(table() + 4), entry = type ? 8 : 20;
	u8 *e = table() + size;

	memset(e, 0x40 + id, entry);
	e[0] = type;
	e[1] = id;
	put16(table() + 4, size + entry);
	put16(table() + 34, *(u16 *)(table() + 34) + 1);
	set_sum(table(), size + entry, 7);
}

static int setup(void **state)
{
	(void)state;
	machine_reset();
	put_text(floating(), "_MP_");
	put32(floating() + 4, TABLE_AT);
	floating()[8] = 1;
	floating()[9] = 4;
	set_sum(floating(), 16, 10);
	put_text(table(), "PCMP");
	put16(table() + 4, HEADER);
	put_text(table() + 8, "BOCHS   test        ");
	set_sum(table(), HEADER, 7);
	return 0;
}

static void others_go(void **state)
{
	u8 *e = table() + HEADER;

	(void)state;
	add(0, 0);
	add(0, 1);
	add(0, 2);
	add(1, 7);
	add(0, 3);
	add(2, 8);
	put16(table() + 40, 8); /* an extended table */
	put_text(e + 4 * 20 + 2 * 8, "extended");
	set_sum(table(), HEADER + 4 * 20 + 2 * 8, 7);
	assert_int_equal(mp_hide_others(&machine.boot, 1), 0);
	assert_int_equal(*(u16 *)(table() + 4), HEADER + 20 + 2 * 8);
	assert_int_equal(*(u16 *)(table() + 34), 3);
	assert_true(sound(table(), HEADER + 20 + 2 * 8));
	assert_int_equal(e[0], 0);
	assert_int_equal(e[1], 1);
	assert_int_equal(e[19], 0x41);
	assert_int_equal(e[20], 1);
	assert_int_equal(e[21], 7);
	assert_int_equal(e[28], 2);
	assert_int_equal(e[29], 8);
	assert_memory_equal(e + 36, "extended", 8);
	assert_memory_equal(floating(), "_MP_", 4);
}

static void one_cpu_stays_as_it_is(void **state)
{
	u8 before[HEADER + 28];

	(void)state;
	add(0, 0);
	add(1, 7);
	memcpy(before, table(), sizeof(before));
	assert_int_equal(mp_hide_others(&machine.boot, 0), 0);
	assert_memory_equal(table(), before, sizeof(before));
}

static void no_table(void **state)
{
	(void)state;
	floating()[10]++;
	add(0, 1);
	assert_int_equal(mp_hide_others(&machine.boot, 0), 0);
	assert_int_equal(*(u16 *)(table() + 34), 1);
}

static void assert_gone(void)
{
	assert_int_equal(mp_hide_others(&machine.boot, 0), 0);
	assert_int_not_equal(memcmp(floating(), "_MP_", 4), 0);
}

static void what_cannot_be_mended_goes(void **state)
{
	floating()[11] = 5; /* a default configuration: two CPUs */
	set_sum(floating(), 16, 10);
	assert_gone();

	setup(state);
	put32(floating() + 4, MIB(1) - 20);
	set_sum(floating(), 16, 10);
	assert_gone();

	setup(state);
	add(0, 1);
	table()[7]++;
	assert_gone();

	setup(state);
	add(0, 1);
	put16(table() + 34, 2); /* more entries than there are */
	set_sum(table(), HEADER + 20, 7);
	assert_gone();

	setup(state);
	add(0, 1);
	put16(table() + 40, 0xffff); /* beyond 1 MiB */
	set_sum(table(), HEADER + 20, 7);
	assert_gone();
}

/* Where Linux looks, by BIOS and by UEFI; the EBDA is a BIOS's alone. */
static void in_each_place(void **state)
{
	static const u32 places[] = {0, KIB(1) - 16, KIB(512), KIB(639), 0xf0000, MIB(1) - 16};

	for (u32 i = 0; i < 2 * ARRAY_SIZE(places); i++) {
		u32 at = places[i / 2];
		bool efi = i % 2;

		setup(state);
		add(0, 0);
		add(0, 1);
		memmove(phys_ptr(at), floating(), 16);
		memset(floating(), 0, 16);
		put16(phys_ptr(0x40e), KIB(512) >> 4);
		machine.boot.efi_systab = efi ? MACHINE_ACPI : 0;
		assert_int_equal(mp_hide_others(&machine.boot, 0), 0);
		assert_int_equal(*(u16 *)(table() + 34), efi && at == KIB(512) ? 2 : 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(others_go, setup),
		cmocka_unit_test_setup(one_cpu_stays_as_it_is, setup),
		cmocka_unit_test_setup(no_table, setup),
		cmocka_unit_test_setup(what_cannot_be_mended_goes, setup),
		cmocka_unit_test_setup(in_each_place, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
