/* SPDX-License-Identifier: MIT */
/* The firmware's tables of IOMMUs, DMAR and IVRS, right and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guest/iommu/unit.h"
#include "tests/host/rnd.h"

#define TABLE_MAX 4096
#define HEADER    48

static u8 table[TABLE_MAX];
static u32 table_size;
static struct iommu iommu;

static u8 *put(u32 bytes)
{
	u8 *at = table + table_size;

	assert_true(table_size + bytes <= TABLE_MAX);
	memset(at, 0, bytes);
	table_size += bytes;
	return at;
}

static void set(u8 *at, u64 value, u32 bytes)
{
	memcpy(at, &value, bytes);
}

static void begin(void)
{
	table_size = 0;
	put(HEADER);
	iommu = (struct iommu){0};
}

static u8 *structure(u16 type, u16 size)
{
	u8 *s = put(size);

	set(s, type, 2);
	set(s + 2, size, 2);
	return s;
}

static u8 *drhd(u64 base, u8 flags, u16 segment, u16 scopes)
{
	u8 *s = structure(0, 16 + scopes);

	s[4] = flags;
	set(s + 6, segment, 2);
	set(s + 8, base, 8);
	return s + 16;
}

static u8 *scope(u8 *at, u8 type, u8 bus, u8 device, u8 function)
{
	const u8 s[] = {type, 8, 0, 0, 0, bus, device, function};

	memcpy(at, s, sizeof(s));
	return at + sizeof(s);
}

static u32 reserved;
static u64 reserved_sum;

static void count_reserved(void *ctx, u64 start, u64 end)
{
	(void)ctx;
	reserved++;
	reserved_sum += start + end;
}

/* The table is read from memory of its own size, so that a byte too far is seen. */
typedef const char *(*parser)(const u8 *, u32, struct iommu *);

static const char *parse(parser with)
{
	u8 *exact = malloc(table_size ? table_size : 1);
	const char *why;

	memcpy(exact, table, table_size);
	iommu = (struct iommu){0};
	why = with(exact, table_size, &iommu);
	free(exact);
	return why;
}

static void assert_bad(parser with, const char *text)
{
	const char *why = parse(with);

	assert_non_null(why);
	assert_string_equal(why, text);
}

static void dmar_good(void **state)
{
	u8 *s;

	(void)state;
	begin();
	s = scope(drhd(0xfed90000, 0, 0, 24), 1, 0, 2, 0);
	s = scope(s, 2, 0, 28, 1);
	scope(s, 1, 0, 29, 0);
	drhd(0xfed91000, 1, 0, 0);
	s = structure(1, 24);
	set(s + 8, 0x7a000000, 8);
	set(s + 16, 0x7affffff, 8);
	structure(3, 20); /* RHSA */
	structure(99, 4); /* of a later time */
	assert_null(parse(dmar_parse));
	assert_int_equal(iommu.nr_units, 2);
	assert_int_equal(iommu.unit[0].base, 0xfed90000);
	assert_int_equal(iommu.unit[1].size, PAGE_SIZE);
	assert_int_equal(dmar_uncovered(&iommu), ~0U);
	reserved = 0, reserved_sum = 0;
	dmar_each_reserved(table, table_size, count_reserved, NULL);
	assert_int_equal(reserved, 1);
	assert_int_equal(reserved_sum, 0x7a000000ULL + 0x7b000000ULL);
	assert_true(dmar_names(table, table_size, 0, 2 << 3, false));
	assert_false(dmar_names(table, table_size, 0, 3 << 3, false));
	assert_true(dmar_names(table, table_size, 0, 28 << 3 | 1, true));
	/* A bridge that is named as a device alone: not what is behind it. */
	assert_true(dmar_names(table, table_size, 0, 29 << 3, false));
	assert_false(dmar_names(table, table_size, 0, 29 << 3, true));
}

static void dmar_coverage(void **state)
{
	(void)state;
	begin();
	drhd(0xfed90000, 0, 0, 0);
	assert_null(parse(dmar_parse));
	assert_int_equal(dmar_uncovered(&iommu), 0);
	begin();
	drhd(0xfed90000, 1, 0, 0);
	drhd(0xfed91000, 0, 3, 0);
	assert_null(parse(dmar_parse));
	assert_int_equal(dmar_uncovered(&iommu), 3);
}

static void dmar_bad(void **state)
{
	(void)state;
	begin();
	assert_bad(dmar_parse, "it lists no unit");
	for (u16 size = 0; size < 4; size++) {
		begin();
		set(structure(0, 16) + 2, size, 2);
		assert_bad(dmar_parse, "an entry has a bad length");
	}
	begin();
	set(structure(0, 16) + 2, 17, 2);
	assert_bad(dmar_parse, "an entry has a bad length");
	begin();
	structure(0, 12);
	assert_bad(dmar_parse, "an entry has a bad length");
	begin();
	structure(1, 20);
	assert_bad(dmar_parse, "an entry has a bad length");
	begin();
	drhd(0, 1, 0, 0);
	assert_bad(dmar_parse, "a unit has no address");
	begin();
	drhd(0xfed90800, 1, 0, 0);
	assert_bad(dmar_parse, "a unit has no address");
	begin();
	drhd(0xfed90000, 1, 0, 0);
	drhd(0xfed90000, 1, 0, 0);
	assert_bad(dmar_parse, "two units have one address");
	begin();
	for (u32 i = 0; i <= IOMMU_UNITS_MAX; i++)
		drhd(0xfed00000 + i * PAGE_SIZE, 1, 0, 0);
	assert_bad(dmar_parse, "there are more units than notrap knows");
	assert_int_equal(iommu.nr_units, IOMMU_UNITS_MAX);
	begin();
	put(3);
	assert_bad(dmar_parse, "an entry has a bad length");
}

static u8 *ivhd(u8 type, u64 base, u16 entries)
{
	u16 head = type == 0x10 ? 24 : 40;
	u8 *s = put(head + entries);

	s[0] = type;
	s[1] = 0x23;
	set(s + 2, head + entries, 2);
	set(s + 4, 2, 2);
	set(s + 8, base, 8);
	return s + head;
}

static u8 flags_of[65536];

static void note_flags(void *ctx, u32 first, u32 last, u8 flags)
{
	(void)ctx;
	assert_true(first <= last && last < 65536);
	for (u32 i = first; i <= last; i++)
		flags_of[i] = flags;
}

static void ivrs_good(void **state)
{
	static const u8 entries[] = {
		1,    0,    0,    0x10,                            /* all */
		2,    0x10, 0,    0x20,                            /* one */
		3,    0x00, 0x01, 0x30, 4,   0xff, 0x01, 0,        /* a range */
		0,    0,    0,    0,                               /* padding */
		0x42, 0x20, 0,    0x07, 0,   0x28, 0,    0,        /* an alias */
		0x43, 0x00, 3,    0x80, 0,   0x30, 0,    0,        /* a range of aliases */
		4,    0x07, 3,    0,                               /* its end */
		0x48, 0,    0,    0xd7, 8,   0xa0, 0,    1,        /* the I/O APIC */
		0xf0, 0x40, 0,    0x01, 'A', 'M',  'D',  'I', '0', /* by ACPI's name */
		'0',  '2',  '0',  0,    0,   0,    0,    0,   0,
		0,    0,    2,    2,    'x', 'y', /* with a name of its own of two bytes */
	};
	u8 *s;

	(void)state;
	begin();
	memcpy(ivhd(0x10, 0xfeb80000, sizeof(entries)), entries, sizeof(entries));
	ivhd(0x11, 0xfeb80000, 0); /* the same unit again */
	ivhd(0x40, 0xfd200000, 0);
	s = put(32);
	s[0] = 0x21;
	set(s + 2, 32, 2);
	set(s + 16, 0x1000, 8);
	set(s + 24, 0x2000, 8);
	assert_null(parse(ivrs_parse));
	assert_int_equal(iommu.nr_units, 2);
	assert_int_equal(iommu.unit[0].flags, 0x23);
	assert_int_equal(iommu.unit[1].flags, 0x23);
	reserved = 0, reserved_sum = 0;
	ivrs_each_reserved(table, table_size, count_reserved, NULL);
	assert_int_equal(reserved, 1);
	assert_int_equal(reserved_sum, 0x4000);
	ivrs_each_device(table, table_size, note_flags, NULL);
	assert_int_equal(flags_of[0x11], 0x10);
	assert_int_equal(flags_of[0xffff], 0x10);
	assert_int_equal(flags_of[0x10], 0x20);
	assert_int_equal(flags_of[0x100], 0x30);
	assert_int_equal(flags_of[0x1ff], 0x30);
	assert_int_equal(flags_of[0x200], 0x10);
	assert_int_equal(flags_of[0x20], 0x07);
	assert_int_equal(flags_of[0x28], 0x07);
	assert_int_equal(flags_of[0x300], 0x80);
	assert_int_equal(flags_of[0x307], 0x80);
	assert_int_equal(flags_of[0x30], 0x80);
	assert_int_equal(flags_of[0xa0], 0xd7);
	assert_int_equal(flags_of[0x40], 0x01);
}

static void ivrs_bad(void **state)
{
	(void)state;
	begin();
	assert_bad(ivrs_parse, "it lists no unit");
	for (u16 size = 0; size < 24; size++) {
		begin();
		set(ivhd(0x10, 0xfeb80000, 0) - 22, size, 2);
		assert_bad(ivrs_parse, "an entry has a bad length");
	}
	begin();
	set(ivhd(0x11, 0xfeb80000, 0) - 38, 39, 2);
	assert_bad(ivrs_parse, "an entry has a bad length");
	begin();
	set(ivhd(0x10, 0xfeb80000, 0) - 22, 25, 2);
	assert_bad(ivrs_parse, "an entry has a bad length");
	begin();
	ivhd(0x10, 0, 0);
	assert_bad(ivrs_parse, "a unit has no address");
	begin();
	ivhd(0x10, 0xfeb81000, 0);
	assert_bad(ivrs_parse, "a unit has no address");
	begin();
	for (u32 i = 0; i <= IOMMU_UNITS_MAX; i++)
		ivhd(0x11, 0xfe000000 + i * KIB(16), 0);
	assert_bad(ivrs_parse, "there are more units than notrap knows");
	begin();
	set(put(16), 0x100020, 4);
	assert_bad(ivrs_parse, "an entry has a bad length");
}

/* Whatever the bytes are, they are read inside of the table, and all ends. */
static void random_tables(void **state)
{
	struct rnd r;

	(void)state;
	rnd_seed(&r, 1);
	for (u32 turn = 0; turn < 20000; turn++) {
		u8 *exact;

		if (turn & 1)
			ivrs_good(NULL);
		else
			dmar_good(NULL);
		for (u32 n = rnd(&r, 6); n; n--)
			table[HEADER + rnd(&r, table_size - HEADER)] = (u8)rnd64(&r);
		table_size -= rnd(&r, 8) ? 0 : rnd(&r, table_size - HEADER + 1);
		exact = malloc(table_size);
		memcpy(exact, table, table_size);
		iommu = (struct iommu){0};
		(void)dmar_parse(exact, table_size, &iommu);
		(void)dmar_names(exact, table_size, 0, 255, true);
		dmar_each_reserved(exact, table_size, count_reserved, NULL);
		iommu = (struct iommu){0};
		(void)ivrs_parse(exact, table_size, &iommu);
		ivrs_each_reserved(exact, table_size, count_reserved, NULL);
		ivrs_each_device(exact, table_size, note_flags, NULL);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dmar_good), cmocka_unit_test(dmar_coverage),
		cmocka_unit_test(dmar_bad),  cmocka_unit_test(ivrs_good),
		cmocka_unit_test(ivrs_bad),  cmocka_unit_test(random_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
