/* SPDX-License-Identifier: MIT */
/* The MADT's CPUs: listed, hidden with the checksum mended, and every kind of malformed table. */
#include "guest/acpi.h"
#include "guest/madt.h"
#include "mm/phys/phys.h"
#include "tests/host/load_machine.h"
#include "tests/host/rnd.h"
#include <string.h>

#define RSDP_AT   (MACHINE_ACPI + 0x20)
#define SDT_AT    (MACHINE_ACPI + 0x100)
#define MADT_AT   (MACHINE_ACPI + 0x200)
#define SECOND_AT (MACHINE_ACPI + 0x800)

#define ENABLED   1
#define ONLINE    2

static u32 seen[64], nr_seen;

static void set_sum(u8 *data, u32 size, u32 at)
{
	u8 sum = 0;

	data[at] = 0;
	for (u32 i = 0; i < size; i++)
		sum += data[i];
	data[at] = (u8)-sum;
}

static u8 *madt(void)
{
	return phys_ptr(MADT_AT);
}

static void set_size(u8 *table, u32 size)
{
	put32(table + 4, size);
	set_sum(table, size, 9);
}

static u8 *make_table(u64 at, const char *signature, u32 size)
{
	u8 *t = phys_ptr(at);

	memset(t, 0, size);
	memcpy(t, signature, 4);
	set_size(t, size);
	return t;
}

/* Put an entry behind the table's last; returns where its flags are. */
static u8 *add(u8 *table, u8 type, u8 len, u32 id, u32 flags)
{
	u32 size = get32(table + 4);
	u8 *e = table + size;

	memset(e, 0, len);
	e[0] = type;
	e[1] = len;
	if (type == 9) {
		put32(e + 4, id);
		put32(e + 8, flags);
	} else if (type == 0) {
		e[3] = (u8)id;
		put32(e + 4, flags);
	}
	set_size(table, size + len);
	return e + (type == 9 ? 8 : 4);
}

static int setup(void **state)
{
	u8 *rsdp, *xsdt;

	(void)state;
	machine_reset();
	rsdp = phys_ptr(RSDP_AT);
	machine.boot.rsdp = RSDP_AT;
	memset(rsdp, 0, 36);
	put_text(rsdp, "RSD PTR ");
	rsdp[15] = 2;
	put32(rsdp + 20, 36);
	put64(rsdp + 24, SDT_AT);
	set_sum(rsdp, 20, 8);
	set_sum(rsdp, 36, 32);
	xsdt = make_table(SDT_AT, "XSDT", 36 + 2 * 8);
	put64(xsdt + 36, MADT_AT);
	put64(xsdt + 44, SECOND_AT);
	set_size(xsdt, 36 + 2 * 8);
	make_table(MADT_AT, "APIC", 44);
	return 0;
}

static void see(void *ctx, u32 id)
{
	assert_ptr_equal(ctx, seen);
	if (nr_seen < ARRAY_SIZE(seen))
		seen[nr_seen] = id;
	nr_seen++;
}

static u32 list(void)
{
	nr_seen = 0;
	madt_each(&machine.boot, see, seen);
	return nr_seen;
}

static bool sound(const u8 *table)
{
	u8 sum = 0;

	for (u32 i = 0; i < get32(table + 4); i++)
		sum += table[i];
	return !sum;
}

static void listed(void **state)
{
	(void)state;
	assert_int_equal(list(), 0);
	add(madt(), 0, 8, 0, ENABLED);
	add(madt(), 1, 12, 0, 0); /* an I/O APIC */
	add(madt(), 0, 8, 2, 0);
	add(madt(), 0, 8, 4, ONLINE);
	add(madt(), 0, 8, 6, ENABLED | 0xfffffffc);
	add(madt(), 0, 8, 0xff, ENABLED); /* nobody's */
	add(madt(), 9, 16, 0xff, ENABLED);
	add(madt(), 9, 16, 0x12345, ENABLED);
	add(madt(), 9, 16, 0x777, 0);
	assert_int_equal(list(), 4);
	assert_int_equal(seen[0], 0);
	assert_int_equal(seen[1], 6);
	assert_int_equal(seen[2], 0xff);
	assert_int_equal(seen[3], 0x12345);
}

static void hidden(void **state)
{
	u8 *own, *other, *off, *online, *x2, *second, before[256];

	(void)state;
	other = add(madt(), 0, 8, 0, ENABLED | 0xa5a5a500);
	own = add(madt(), 0, 8, 2, ENABLED);
	off = add(madt(), 0, 8, 4, 0);
	online = add(madt(), 0, 8, 6, ONLINE);
	x2 = add(madt(), 9, 16, 0x102, ENABLED | ONLINE);
	make_table(SECOND_AT, "APIC", 44);
	second = add(phys_ptr(SECOND_AT), 0, 8, 8, ENABLED);

	assert_int_equal(madt_hide_others(&machine.boot, 2), 0);
	assert_int_equal(get32(own), ENABLED);
	assert_int_equal(own[-1], 2);
	assert_int_equal(other[-1] & off[-1] & online[-1] & second[-1], 0xff);
	assert_int_equal(get32(x2 - 4), 0xffffffff);
	assert_int_equal(get32(other), 0xa5a5a500);
	assert_int_equal(get32(off), 0);
	assert_int_equal(get32(online), 0);
	assert_int_equal(get32(x2), 0);
	assert_int_equal(get32(second), 0);
	assert_true(sound(madt()));
	assert_true(sound(phys_ptr(SECOND_AT)));
	assert_int_equal(list(), 1);
	assert_int_equal(seen[0], 2);

	/* Once more changes nothing. */
	memcpy(before, madt(), sizeof(before));
	assert_int_equal(madt_hide_others(&machine.boot, 2), 0);
	assert_memory_equal(before, madt(), sizeof(before));
}

/* Only the ID, the flags' byte and the checksum may ever change. */
static void nothing_else_changes(void **state)
{
	u8 before[64], *flags;
	u32 size;

	(void)state;
	flags = add(madt(), 0, 8, 1, ENABLED);
	size = get32(madt() + 4);
	memcpy(before, madt(), size);
	assert_int_equal(madt_hide_others(&machine.boot, 0), 0);
	for (u32 i = 0; i < size; i++)
		if (i != 9 && madt() + i != flags && madt() + i != flags - 1)
			assert_int_equal(madt()[i], before[i]);
	assert_int_equal((u8)(madt()[9] - before[9]), 3 /* 1 for the flags, 1 - 0xff for the ID */);
}

static void without(void **state)
{
	(void)state;
	put64((u8 *)phys_ptr(SDT_AT) + 36, MIB(63)); /* nothing may be read there */
	set_size(phys_ptr(SDT_AT), 36 + 8);
	assert_int_equal(list(), 0);
	assert_int_equal(madt_hide_others(&machine.boot, 0), 0);
	machine.boot.rsdp = 0;
	assert_int_equal(list(), 0);
	assert_int_equal(madt_hide_others(&machine.boot, 0), 0);
}

static void bad_checksum(void **state)
{
	u8 *flags = add(madt(), 0, 8, 1, ENABLED);

	(void)state;
	madt()[9]++;
	assert_int_equal(list(), 0);
	assert_int_equal(madt_hide_others(&machine.boot, 0), 0);
	assert_int_equal(get32(flags), ENABLED);
}

/* The list ends at an entry that cannot be; what came before counts. */
static void bad_entries(void **state)
{
	static const u8 lengths[] = {0, 1, 9, 0xff};

	for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
		u8 *last;

		setup(state);
		add(madt(), 0, 8, 1, ENABLED);
		last = add(madt(), 0, 8, 2, ENABLED) - 4;
		last[1] = lengths[i];
		set_size(madt(), get32(madt() + 4));
		assert_int_equal(list(), 1);
		assert_int_equal(madt_hide_others(&machine.boot, 0), 0);
		assert_int_equal(get32(last + 4), ENABLED);
		assert_true(sound(madt()));
	}
}

/* Too short to hold what its type says: passed over. */
static void short_entries(void **state)
{
	(void)state;
	add(madt(), 2, 7, 0, 0);
	madt()[44] = 0;
	add(madt(), 2, 15, 0, 0);
	madt()[44 + 7] = 9;
	madt()[44 + 7 + 8] = ENABLED;
	add(madt(), 2, 2, 0, 0);
	madt()[44 + 7 + 15] = 0;
	add(madt(), 0, 8, 5, ENABLED);
	assert_int_equal(list(), 1);
	assert_int_equal(seen[0], 5);
}

/* A table of each possible size, cut in the middle of things. */
static void cut(void **state)
{
	for (u32 size = 36; size < 44 + 8 + 16; size++) {
		u32 expected = (size >= 44 + 8) + (size >= 44 + 8 + 16);

		setup(state);
		add(madt(), 0, 8, 1, ENABLED);
		add(madt(), 9, 16, 2, ENABLED);
		set_size(madt(), size);
		assert_int_equal(list(), expected);
		assert_int_equal(madt_hide_others(&machine.boot, 0), 0);
		assert_true(sound(madt()));
		assert_int_equal(list(), 0);
	}
}

/* At the very end of what may be touched: the machine faults on a byte too many. */
static void at_the_end(void **state)
{
	u64 at = MIB(65) - (44 + 8 + 3);
	u8 *t = make_table(at, "APIC", 44);

	(void)state;
	add(t, 0, 8, 1, ENABLED);
	set_size(t, 44 + 8 + 1); /* one byte of a further entry */
	put64((u8 *)phys_ptr(SDT_AT) + 36, at);
	set_size(phys_ptr(SDT_AT), 36 + 8);
	assert_int_equal(list(), 1);
	assert_int_equal(madt_hide_others(&machine.boot, 0), 0);
	assert_int_equal(list(), 0);
}

/* Bytes changed at random: no crash, the checksum stays right, and no other CPU is left. */
static void garbage(void **state)
{
	struct rnd r;

	rnd_seed(&r, 3);
	for (u32 round = 0; round < 20000; round++) {
		u32 size;

		setup(state);
		for (u32 i = 0; i < 4; i++) {
			add(madt(), 0, 8, i, (u32)rnd(&r, 4));
			add(madt(), 9, 16, i, (u32)rnd(&r, 4));
		}
		size = get32(madt() + 4);
		for (u32 i = 0; i <= round % 8; i++)
			madt()[44 + rnd(&r, size - 44)] = (u8)rnd64(&r);
		set_size(madt(), size);
		assert_int_equal(madt_hide_others(&machine.boot, 1), 0);
		assert_true(sound(madt()));
		list();
		for (u32 i = 0; i < nr_seen; i++)
			assert_int_equal(seen[i], 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(listed, setup),
		cmocka_unit_test_setup(hidden, setup),
		cmocka_unit_test_setup(nothing_else_changes, setup),
		cmocka_unit_test_setup(without, setup),
		cmocka_unit_test_setup(bad_checksum, setup),
		cmocka_unit_test_setup(bad_entries, setup),
		cmocka_unit_test_setup(short_entries, setup),
		cmocka_unit_test_setup(cut, setup),
		cmocka_unit_test_setup(at_the_end, setup),
		cmocka_unit_test_setup(garbage, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
