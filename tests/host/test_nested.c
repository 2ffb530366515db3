/* SPDX-License-Identifier: MIT */
/* Nested tables, read back by a walker of the manuals' formats: every address is its own, none hidden. */
#include "arch/console.h"
#include "mm/nested/nested.h"
#include "mm/phys/phys.h"
#include "tests/host/fake/console.h"
#include "tests/host/fake/ram.h"
#include "tests/host/rnd.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* arch/console.h has one too */

#define MAXPHYADDR 40
#define RAM_END    MIB(64)
#define HIGH_START (GIB(4) + KIB(12)) /* in the middle of 2 MiB, as firmware can have it */
#define HIGH_END   (GIB(4) + MIB(5))
#define IMAGE      (MIB(20) + KIB(12))
#define IMAGE_END  (MIB(20) + KIB(720))
#define HOLE       (IMAGE + KIB(64))
#define POOL       (MIB(39) + KIB(4))
#define POOL_END   (MIB(42) + KIB(16))

/* Only the pool's memory is there: nothing else is the tables' business. */
static _Alignas(4096) u8 pool[POOL_END - POOL];
static struct memmap map;
static const struct memmap_range hidden[] = {{IMAGE, IMAGE_END, 0}, {POOL, POOL_END, 0}};
/* Registers: below 4 GiB, and past all RAM. */
static const struct memmap_range watched[] = {{GIB(2) + MIB(1), GIB(2) + MIB(3), 0},
					      {GIB(300), GIB(300) + PAGE_SIZE, 0}};
static struct counters counters;
static struct nested *nested;
static enum nested_format format;

struct fake_ram fake_ram[] = {{POOL, sizeof(pool), pool, 0}};
const u32 fake_ram_count = 1;

static u8 maxphyaddr = MAXPHYADDR;

static void start(enum nested_format which, u64 size)
{
	struct nested_config config = {
		.format = which,
		.maxphyaddr = maxphyaddr,
		.guest_map = &map,
		.tables = {.hidden = hidden,
			   .nr_hidden = ARRAY_SIZE(hidden),
			   .watched = watched,
			   .nr_watched = ARRAY_SIZE(watched),
			   .hole_hpa = HOLE,
			   .pool_hpa = POOL,
			   .pool_size = size},
	};

	map = (struct memmap){0};
	memmap_add(&map, 0, RAM_END, MEMMAP_RAM);
	memmap_add(&map, KIB(639), MIB(1), MEMMAP_RESERVED);
	memmap_add(&map, MIB(10), MIB(12), MEMMAP_NVS);
	memmap_add(&map, HIGH_START, HIGH_END, MEMMAP_RAM);
	for (u32 i = 0; i < ARRAY_SIZE(hidden); i++)
		memmap_set(&map, hidden[i].start, hidden[i].end, MEMMAP_RESERVED);
	memset(pool, 0xa5, sizeof(pool));
	memset(&counters, 0, sizeof(counters));
	fake_console_clear();
	format = which;
	nested = nested_init(&config);
}

static bool is_hidden(u64 gpa)
{
	return (gpa >= IMAGE && gpa < IMAGE_END) || (gpa >= POOL && gpa < POOL_END);
}

/* A whole page of RAM, by this file's own list. */
static bool is_ram(u64 page)
{
	if (page >= KIB(636) && page < MIB(1))
		return false;
	if (page >= MIB(10) && page < MIB(12))
		return false;
	return (page < RAM_END && !is_hidden(page)) || (page >= HIGH_START && page < HIGH_END);
}

struct found {
	bool present;
	int level;
	u64 hpa, entry;
};

static bool is_watched(u64 gpa)
{
	return ranges_overlap(watched, ARRAY_SIZE(watched), gpa, gpa + 1);
}

/* SDM vol. 3C 29.3.2 and APM vol. 2 15.25.5; asserts all that is fixed in an entry on the way. */
static struct found walk(u64 gpa)
{
	u64 table = nested_root(nested);

	for (int level = 4;; level--) {
		u32 shift = 12 + 9 * (level - 1);
		u64 entry = ((const u64 *)phys_ptr(table))[gpa >> shift & 511];
		u64 addr = entry & 0x000ffffffffff000ULL, low = (1ULL << shift) - 1;
		bool leaf = level == 1 || (entry & 0x80);

		if (!entry)
			return (struct found){.present = false};
		assert_int_equal(entry >> 52, 0);
		/* Bit 1 is the right to write in both. NPT: P, R/W, U/S; no PWT, PCD or PAT. */
		u64 rights = leaf && level == 1 && is_watched(gpa) ? 5 : 7;

		assert_int_equal(entry & (format == NESTED_EPT ? 7 : 0x1f), rights);
		if (leaf) {
			assert_true(level <= 2);
			assert_int_equal(addr & low, 0);
			return (struct found){true, level, addr | (gpa & low), entry};
		}
		if (format == NESTED_EPT)
			assert_int_equal(entry & 0xf8, 0);
		table = addr;
	}
}

/* What the CPU gets for an address that was touched. */
static void check_mapped(u64 gpa)
{
	struct found f = walk(gpa);
	u64 page = gpa & ~0xfffULL;

	assert_true(f.present);
	if (is_hidden(gpa)) {
		assert_int_equal(f.hpa, HOLE | (gpa & 0xfff));
		assert_int_equal(f.level, 1);
	} else {
		assert_int_equal(f.hpa, gpa);
		assert_true(f.level == 1 || !is_watched(gpa));
	}
	if (format == NESTED_EPT) {
		/* The memory type, and "ignore PAT" clear. */
		u32 type = is_hidden(gpa) || is_ram(page) ? 6 : 0;

		assert_int_equal(f.entry >> 3 & 15, type);
	} else {
		assert_int_equal(f.entry & 0x60, 0x60); /* A and D */
	}
}

static bool touch(u64 gpa)
{
	bool flush = false;

	assert_int_equal(nested_fault(nested, &counters, gpa, &flush), 0);
	check_mapped(gpa);
	return flush;
}

static u64 counted(enum counter c)
{
	return counters.value[c];
}

static const struct {
	u64 start, end;
} parts[] = {
	{0, RAM_END + MIB(4)},
	{GIB(4) - MIB(4), GIB(4) + MIB(8)},
	{BIT(MAXPHYADDR) - MIB(2), BIT(MAXPHYADDR)},
	{GIB(2), GIB(2) + MIB(4)},
	{GIB(300), GIB(300) + MIB(2)},
};

/* Every page of some memory, in an order of its own, with a pool of the stated size. */
static void check_every_page(enum nested_format which)
{
	u64 root, pages = 0, hole = 0;

	start(which, nested_memory_size(&map));
	root = nested_root(nested);
	for (u32 i = 0; i < ARRAY_SIZE(parts); i++) {
		u64 n = (parts[i].end - parts[i].start) / PAGE_SIZE;

		/* A step that shares no factor with n reaches all. */
		for (u64 k = 0; k < n; k++, pages++) {
			u64 gpa = parts[i].start + (k * 7919 % n) * PAGE_SIZE + k % PAGE_SIZE;

			assert_false(touch(gpa));
			hole += is_hidden(gpa);
		}
	}
	for (u32 i = 0; i < ARRAY_SIZE(parts); i++)
		for (u64 gpa = parts[i].start; gpa < parts[i].end; gpa += PAGE_SIZE)
			check_mapped(gpa);
	assert_int_equal(nested_root(nested), root);
	assert_int_equal(counted(CNT_hole_mapped), hole);
	assert_int_equal(hole, (IMAGE_END - IMAGE + POOL_END - POOL) / PAGE_SIZE);
	assert_int_equal(counted(CNT_mmu_recycled), 0);
	assert_int_equal(nested_audit(nested), 0);
	assert_int_equal(fake_fails, 0);
}

static void test_every_page(void **state)
{
	(void)state;
	/* The map is needed for the size. */
	start(NESTED_NPT, MIB(1));
	check_every_page(NESTED_NPT);
	check_every_page(NESTED_EPT);
}

/* Nothing is mapped before it is touched, and of the hypervisor's memory nothing by a neighbour. */
static void test_nothing_more_than_asked(void **state)
{
	(void)state;
	for (u32 which = NESTED_NPT; which <= NESTED_EPT; which++) {
		start(which, MIB(1));
		for (u64 gpa = 0; gpa < RAM_END; gpa += PAGE_SIZE)
			assert_false(walk(gpa).present);
		for (u64 gpa = 0; gpa < RAM_END; gpa += PAGE_SIZE)
			if (!is_hidden(gpa))
				touch(gpa);
		for (u64 gpa = 0; gpa < RAM_END; gpa += PAGE_SIZE)
			assert_int_equal(walk(gpa).present, !is_hidden(gpa));
		assert_int_equal(counted(CNT_hole_mapped), 0);
		assert_int_equal(nested_audit(nested), 0);
	}
}

static void test_size_of_pages(void **state)
{
	static const struct {
		u64 gpa;
		int npt, ept;
	} cases[] = {
		{MIB(2), 2, 2},                      /* RAM */
		{0, 2, 1},                           /* RAM and the BIOS */
		{MIB(10), 2, 2},                     /* no RAM */
		{MIB(20), 1, 1},                     /* RAM and the image */
		{MIB(38), 1, 1},                     /* RAM and the pool's start */
		{MIB(40) + KIB(4), 1, 1},            /* the pool alone */
		{MIB(42) + KIB(16), 1, 1},           /* behind the pool */
		{MIB(44), 2, 2},                     /* RAM */
		{GIB(3), 2, 2},                      /* devices */
		{GIB(4), 2, 1},                      /* RAM from 12 KiB on */
		{GIB(4) + MIB(4), 2, 1},             /* RAM in the first half */
		{BIT(MAXPHYADDR) - PAGE_SIZE, 2, 2}, /* the last page */
	};

	(void)state;
	for (u32 which = NESTED_NPT; which <= NESTED_EPT; which++) {
		start(which, MIB(1));
		for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
			touch(cases[i].gpa);
			assert_int_equal(walk(cases[i].gpa).level,
					 which == NESTED_NPT ? cases[i].npt : cases[i].ept);
		}
		/* A second fault on what is there changes nothing. */
		for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
			u64 entry = walk(cases[i].gpa).entry;

			touch(cases[i].gpa);
			assert_int_equal(walk(cases[i].gpa).entry, entry);
		}
	}
}

static u64 anywhere(struct rnd *r)
{
	static const u64 bases[] = {0, IMAGE - MIB(1), POOL - MIB(1), GIB(4) - MIB(1)};

	if (rnd(r, 3))
		return bases[rnd(r, 4)] + rnd(r, MIB(4) / PAGE_SIZE) * PAGE_SIZE;
	return (u64)rnd(r, BIT(MAXPHYADDR - 12)) * PAGE_SIZE + rnd(r, PAGE_SIZE);
}

/* A pool of the least size: it is used up again and again. What was mapped since stays. */
static void test_recycling(void **state)
{
	enum { TOUCHES = 20000 };
	static u64 since[TOUCHES];
	struct rnd r;

	(void)state;
	rnd_seed(&r, 1);
	for (u32 which = NESTED_NPT; which <= NESTED_EPT; which++) {
		u32 flushes = 0, n = 0;
		u64 root;

		start(which, 17 * PAGE_SIZE);
		root = nested_root(nested);
		for (u32 i = 0; i < TOUCHES; i++) {
			u64 gpa = anywhere(&r);

			if (touch(gpa)) {
				flushes++;
				n = 0;
			}
			since[n++] = gpa;
			check_mapped(since[rnd(&r, n)]);
			if (i % 64 == 0)
				assert_int_equal(nested_audit(nested), 0);
		}
		assert_true(flushes > 100);
		assert_in_range(counted(CNT_mmu_recycled), flushes, flushes * 16);
		assert_int_equal(counted(CNT_mmu_recycled), counted(CNT_mmu_shadow_zapped));
		assert_true(counted(CNT_mmu_shadow_new) >= counted(CNT_mmu_recycled));
		assert_int_equal(nested_root(nested), root);
		assert_int_equal(fake_fails, 0);
	}
}

static void test_address_the_cpu_does_not_have(void **state)
{
	static const u64 beyond[] = {BIT(MAXPHYADDR), BIT(48), BIT(52) - 1, ~0ULL};
	static u8 before[sizeof(pool)];

	(void)state;
	start(NESTED_EPT, MIB(1));
	touch(MIB(1));
	memcpy(before, pool, sizeof(pool));
	for (u32 i = 0; i < ARRAY_SIZE(beyond); i++) {
		bool flush = false;

		assert_int_equal(nested_fault(nested, &counters, beyond[i], &flush), -1);
		assert_false(flush);
	}
	assert_memory_equal(before, pool, sizeof(pool));

	/* It has more than four levels can map. */
	maxphyaddr = 52;
	start(NESTED_EPT, MIB(1));
	for (u32 i = 1; i < ARRAY_SIZE(beyond); i++)
		assert_int_equal(nested_fault(nested, &counters, beyond[i], &(bool){false}), -1);
	touch(BIT(48) - 1);
	touch(BIT(48) - MIB(2));
	assert_int_equal(nested_audit(nested), 0);
	maxphyaddr = MAXPHYADDR;
}

static void test_pool_too_small(void **state)
{
	(void)state;
	start(NESTED_NPT, 16 * PAGE_SIZE);
	assert_null(nested);
	assert_int_equal(fake_fails, 1);
}

/* The audit sees what it is there for. */
static void test_audit_finds(void **state)
{
	static const struct {
		u64 gpa, entry;
		int level;
	} wrong[] = {
		{IMAGE, IMAGE | 0x67, 1},            /* the hypervisor's page */
		{IMAGE - PAGE_SIZE, POOL | 0x67, 1}, /* at another's address */
		{MIB(4), MIB(6) | 0xe7, 2},          /* another address */
		{MIB(20), MIB(20) | 0xe7, 2},        /* a large page over it */
		{MIB(4), MIB(4) | 0xe5, 2},          /* no right to write */
		{MIB(20), MIB(4) | 0x27, 2},         /* a table of the guest's */
		{IMAGE, HOLE | 0x66, 1},             /* not present */
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(wrong); i++) {
		u64 table;

		start(NESTED_NPT, MIB(1));
		touch(wrong[i].gpa);
		touch(IMAGE);
		touch(MIB(4));
		assert_int_equal(nested_audit(nested), 0);
		table = nested_root(nested);
		for (int level = 4; level > wrong[i].level; level--)
			table = ((u64 *)phys_ptr(
					table))[wrong[i].gpa >> (12 + 9 * (level - 1)) & 511] &
				0x000ffffffffff000ULL;
		((u64 *)phys_ptr(table))[wrong[i].gpa >> (12 + 9 * (wrong[i].level - 1)) & 511] =
			wrong[i].entry;
		assert_true(nested_audit(nested) > 0);
		assert_true(fake_fails > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_page),
		cmocka_unit_test(test_nothing_more_than_asked),
		cmocka_unit_test(test_size_of_pages),
		cmocka_unit_test(test_recycling),
		cmocka_unit_test(test_address_the_cpu_does_not_have),
		cmocka_unit_test(test_pool_too_small),
		cmocka_unit_test(test_audit_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
