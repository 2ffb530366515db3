/* SPDX-License-Identifier: MIT */
/* The memory map: against a plain model of 256 cells, and at the address space's edges. */
#include "mm/phys/memmap.h"
#include "tests/host/rnd.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CELLS 256

static struct memmap map;

static int setup(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	return 0;
}

static void assert_in_order(void)
{
	assert_true(map.count <= MEMMAP_MAX);
	for (u32 i = 0; i < map.count; i++) {
		const struct memmap_range *m = &map.range[i];

		assert_true(m->start < m->end);
		if (!i)
			continue;
		assert_true(m[-1].end <= m->start);
		assert_true(m[-1].end < m->start || m[-1].type != m->type);
	}
}

/* The type at an address; 0 where nothing is known. */
static u32 type_at(u64 addr)
{
	for (u32 i = 0; i < map.count; i++)
		if (map.range[i].start <= addr && addr < map.range[i].end)
			return map.range[i].type;
	return 0;
}

/* From the most usable to the least; 9 is a type that no standard names. */
static const u32 by_rank[] = {0, MEMMAP_RAM, MEMMAP_ACPI, MEMMAP_NVS, MEMMAP_RESERVED, MEMMAP_BAD};

static u32 rank(u32 type)
{
	for (u32 i = 0; i < ARRAY_SIZE(by_rank); i++)
		if (by_rank[i] == type)
			return i;
	return 4;
}

static u64 find(u64 size, u64 align, u64 min, u64 max, bool lowest,
		const struct memmap_range *avoid, u32 nr)
{
	return memmap_find(&map, &(struct memmap_room){size, align, min, max, lowest}, avoid, nr);
}

static void check_find(const u32 *cell, struct rnd *r)
{
	struct memmap_range avoid[3];
	u64 size = 1 + rnd(r, 20), align = BIT(rnd(r, 5));
	u64 min = rnd(r, CELLS), max = rnd(r, CELLS + 1);
	u64 lowest = MEMMAP_NONE, highest = MEMMAP_NONE;

	for (u32 i = 0; i < 3; i++) {
		avoid[i].start = rnd(r, CELLS);
		avoid[i].end = avoid[i].start + rnd(r, 16); /* may be empty */
	}
	for (u64 at = ALIGN_UP(min, align); at + size <= max; at += align) {
		bool good = true;

		for (u64 k = at; k < at + size; k++) {
			good &= cell[k] == MEMMAP_RAM;
			for (u32 i = 0; i < 3; i++)
				good &= k < avoid[i].start || k >= avoid[i].end;
		}
		if (good && lowest == MEMMAP_NONE)
			lowest = at;
		if (good)
			highest = at;
	}
	assert_int_equal(find(size, align, min, max, true, avoid, 3), lowest);
	assert_int_equal(find(size, align, min, max, false, avoid, 3), highest);
}

static void check_queries(const u32 *cell, struct rnd *r)
{
	u64 start = rnd(r, CELLS), end = start + 1 + rnd(r, 8);
	u64 ram = 0, ram_end = 0;
	bool all = true;

	for (u64 k = start; k < end; k++)
		all &= k < CELLS && cell[k] == MEMMAP_RAM;
	assert_int_equal(memmap_is_ram(&map, start, end), all);
	for (u64 k = 0; k < CELLS; k++)
		if (cell[k] == MEMMAP_RAM) {
			ram++;
			ram_end = k + 1;
		}
	assert_int_equal(memmap_ram_size(&map), ram);
	assert_int_equal(memmap_ram_end(&map), ram_end);
}

static void random_maps(void **state)
{
	static const u32 types[] = {1, 1, 1, 2, 3, 4, 5, 9};
	struct rnd r;

	rnd_seed(&r, 1);
	for (u32 round = 0; round < 3000; round++) {
		u32 cell[CELLS] = {0};

		setup(state);
		for (u32 step = 0; step < 30; step++) {
			u64 start = rnd(&r, CELLS), len = rnd(&r, 40);
			u64 end = start + len < CELLS ? start + len : CELLS;
			u32 type = types[rnd(&r, ARRAY_SIZE(types))];
			bool set = one_in(&r, 4);

			assert_int_equal((set ? memmap_set : memmap_add)(&map, start, end, type),
					 0);
			for (u64 k = start; k < end; k++)
				if (set || rank(type) > rank(cell[k]))
					cell[k] = type;
			assert_in_order();
		}
		for (u64 k = 0; k < CELLS; k++)
			assert_int_equal(type_at(k), cell[k]);
		check_queries(cell, &r);
		check_find(cell, &r);
	}
}

static void wrapped_and_empty(void **state)
{
	(void)state;
	assert_int_equal(memmap_add(&map, MIB(1), MIB(1), MEMMAP_RAM), 0);
	assert_int_equal(memmap_set(&map, MIB(1), MIB(1), MEMMAP_BAD), 0);
	assert_int_equal(memmap_add(&map, GIB(1), MIB(1), MEMMAP_RAM), 0);
	assert_int_equal(map.count, 0);
	assert_int_equal(memmap_add(&map, ~0ULL - 4095, 0, MEMMAP_RESERVED), 0);
	assert_int_equal(map.count, 1);
	assert_int_equal(map.range[0].end, ~0ULL);
	assert_int_equal(memmap_ram_end(&map), 0);
}

static void edges(void **state)
{
	const struct memmap_range none = {0};

	(void)state;
	memmap_add(&map, ~0ULL - MIB(1), ~0ULL, MEMMAP_RAM);
	assert_true(memmap_is_ram(&map, ~0ULL - 10, ~0ULL));
	assert_false(memmap_is_ram(&map, ~0ULL - 10, 5));
	assert_true(memmap_is_ram(&map, 7, 7));
	assert_int_equal(find(MIB(2), 4096, 0, ~0ULL, true, &none, 1), MEMMAP_NONE);
	assert_int_equal(find(1, BIT(63), 0, ~0ULL, true, &none, 1), MEMMAP_NONE);
	assert_int_equal(find(~0ULL, 1, 0, ~0ULL, false, NULL, 0), MEMMAP_NONE);
	assert_int_equal(find(0, 1, 0, ~0ULL, false, NULL, 0), MEMMAP_NONE);
	assert_int_equal(find(0, 1, 0, ~0ULL, true, NULL, 0), MEMMAP_NONE);
}

/* A full map stays what it was, or in order; what merges still goes in. */
static void full(void **state)
{
	static struct memmap before;

	(void)state;
	for (u64 i = 0; i < MEMMAP_MAX; i++)
		assert_int_equal(memmap_add(&map, 2 * i, 2 * i + 1, MEMMAP_RAM), 0);
	before = map;
	assert_int_equal(memmap_set(&map, 5001, 5002, MEMMAP_RAM), -1);
	assert_int_equal(memmap_set(&map, 3, 4, MEMMAP_BAD), -1);
	assert_memory_equal(&map, &before, sizeof(map));
	assert_int_equal(memmap_add(&map, 3, 1000, MEMMAP_BAD), -1);
	assert_in_order();
	map = before;
	assert_int_equal(memmap_add(&map, 1, 2, MEMMAP_RAM), 0);
	assert_int_equal(map.count, MEMMAP_MAX - 1);
	assert_int_equal(memmap_set(&map, 0, 1000, MEMMAP_RESERVED), 0);
	assert_int_equal(map.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(random_maps, setup),
		cmocka_unit_test_setup(wrapped_and_empty, setup),
		cmocka_unit_test_setup(edges, setup),
		cmocka_unit_test_setup(full, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
