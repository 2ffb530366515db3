/* SPDX-License-Identifier: MIT */
/* The identity tables of VT-d and AMD-Vi, walked again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guest/iommu/unit.h"
#include "mm/phys/phys.h"
#include "tests/host/fake/ram.h"
#include "tests/host/rnd.h"

#define POOL_PAGES 4096
#define POOL_HPA   MIB(512)
static u8 pool_memory[POOL_PAGES * PAGE_SIZE] __attribute__((aligned(4096)));

struct fake_ram fake_ram[] = {{POOL_HPA, sizeof(pool_memory), pool_memory, 0}};
const u32 fake_ram_count = 1;

/* As the manuals have it: where an access to addr goes, ~0 when it is blocked. */
static u64 walk_vtd(u64 root, u32 levels, u64 addr)
{
	for (u32 level = levels, shift;; level--) {
		u64 entry;

		shift = 12 + 9 * (level - 1);
		if (level == levels && addr >> (shift + 9))
			return ~0ULL;
		entry = ((u64 *)phys_ptr(root))[addr >> shift & 511];
		if (!(entry & 3))
			return ~0ULL;
		assert_int_equal(entry & 3, 3);
		if (level == 1 || (entry & BIT(7)))
			return (entry & GENMASK(51, 12)) | (addr & (BIT(shift) - 1));
		assert_int_equal(entry & 0xf80, 0);
		root = entry & GENMASK(51, 12);
	}
}

static u64 walk_amd(u64 root, u32 levels, u64 addr)
{
	for (u32 level = levels;;) {
		u32 shift = 12 + 9 * (level - 1);
		u64 entry;

		if (level == levels && shift + 9 < 64 && addr >> (shift + 9))
			return ~0ULL;
		entry = ((u64 *)phys_ptr(root))[addr >> shift & 511];
		if (!(entry & 1))
			return ~0ULL;
		assert_int_equal(entry >> 61 & 3, 3);
		if (!(entry >> 9 & 7))
			return (entry & GENMASK(51, 12)) | (addr & (BIT(shift) - 1));
		assert_int_equal(entry >> 9 & 7, level - 1);
		level--;
		root = entry & GENMASK(51, 12);
	}
}

static u64 walk(const struct iommu_map *map, u64 root, u64 addr)
{
	return map->kind == IOMMU_VTD ? walk_vtd(root, map->levels, addr)
				      : walk_amd(root, map->levels, addr);
}

static bool in_hole(const struct iommu_map *map, u64 addr)
{
	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	for (u32 i = 0; i < map->nr_holes; i++)
		if (addr < map->hole[i].end && map->hole[i].start < addr + PAGE_SIZE)
			return true;
	return addr >= map->end;
}

static void check_at(const struct iommu_map *map, u64 root, u64 addr)
{
	u64 want = in_hole(map, addr) ? ~0ULL : addr, got = walk(map, root, addr);

	if (got != want)
		fail_msg("%lx goes to %lx, not %lx (levels %u, leaf %u, end %lx)", addr, got, want,
			 map->levels, map->leaf, map->end);
}

static u32 chosen, refused;

static void check_map(struct rnd *r, enum iommu_kind kind)
{
	struct iommu_limits limits = {(u32)rnd(r, 16) << 3, 1 + rnd(r, 3), 30 + rnd(r, 23)};
	u64 ram_end = MIB(64) << rnd(r, 12), root;
	struct memmap_range hole[8];
	struct iommu_map map = {.kind = kind, .hole = hole, .nr_holes = rnd(r, 9)};
	struct iommu_pool pool = {POOL_HPA, POOL_HPA + sizeof(pool_memory)};

	if (kind == IOMMU_AMDVI)
		limits.levels &= 0x38;
	if (iommu_choose(&map, &limits, ram_end)) {
		refused++;
		return;
	}
	chosen++;
	assert_true(map.end >= ram_end && map.end >= GIB(4) && map.end <= BIT(limits.address));
	assert_true(limits.levels & BIT(map.levels));
	assert_true(map.leaf <= limits.leaf);
	for (u32 i = 0; i < map.nr_holes; i++) {
		hole[i].start =
			rnd(r, 4) ? rnd64(r) % map.end : ALIGN_DOWN(rnd64(r) % map.end, MIB(2));
		hole[i].end = hole[i].start + 1 + rnd64(r) % BIT(12 + rnd(r, 20));
	}
	if (iommu_map_pages(&map) > POOL_PAGES)
		return;
	pool.end = pool.next + iommu_map_pages(&map) * PAGE_SIZE;
	root = iommu_build(&map, &pool);
	/* As many pages as were asked for are enough. */
	assert_int_not_equal(root, ~0ULL);
	for (u32 i = 0; i < map.nr_holes; i++)
		for (s64 off = -(s64)MIB(4); off <= (s64)MIB(4);
		     off += off < -20000 || off >= 20000 ? MIB(1) : 2048) {
			check_at(&map, root, hole[i].start + (u64)off);
			check_at(&map, root, hole[i].end + (u64)off);
		}
	for (u32 i = 0; i < 300; i++)
		check_at(&map, root, rnd64(r) % (map.end * 2));
	check_at(&map, root, map.end);
	check_at(&map, root, map.end - 1);
	/* A page less: no table, and no write past the end. */
	pool = (struct iommu_pool){POOL_HPA, POOL_HPA};
	assert_int_equal(iommu_build(&map, &pool), ~0ULL);
}

static void maps(void **state)
{
	struct rnd r;

	(void)state;
	rnd_seed(&r, 7);
	for (u32 i = 0; i < 600; i++)
		check_map(&r, i & 1 ? IOMMU_VTD : IOMMU_AMDVI);
	assert_true(chosen > 80 && refused > 80);
}

/* Every page of 4 GiB, with 2 MiB pages, and the memory that it takes. */
static void every_page(void **state)
{
	struct memmap_range hole[] = {{0x0f57f000, 0x0fe77000, 0},
				      {0xfed90000, 0xfed91000, 0},
				      {0xfee00000, 0xfef00000, 0},
				      {0xb0000000, 0xc0000000, 0}};

	(void)state;
	for (u32 kind = IOMMU_VTD; kind <= IOMMU_AMDVI; kind++) {
		struct iommu_limits limits = {BIT(3) | BIT(4), 2, 39};
		struct iommu_map map = {.kind = kind, .hole = hole, .nr_holes = 4};
		struct iommu_pool pool = {POOL_HPA, POOL_HPA + sizeof(pool_memory)};
		u64 root;

		assert_null(iommu_choose(&map, &limits, MIB(256)));
		assert_int_equal(map.levels, 3);
		root = iommu_build(&map, &pool);
		for (u64 at = 0; at < GIB(4); at += PAGE_SIZE)
			check_at(&map, root, at + 0x123);
		assert_true(pool.next - POOL_HPA <= KIB(600));
	}
}

static void choices(void **state)
{
	struct iommu_map map = {0};

	(void)state;
	/* QEMU's two, and a server's. */
	assert_null(iommu_choose(&map, &(struct iommu_limits){BIT(3), 3, 39}, MIB(256)));
	assert_int_equal(map.end, BIT(39));
	assert_null(iommu_choose(&map, &(struct iommu_limits){GENMASK(6, 3), 3, 40}, MIB(256)));
	assert_int_equal(map.levels, 4);
	assert_int_equal(map.end, BIT(40));
	assert_null(iommu_choose(&map, &(struct iommu_limits){BIT(4) | BIT(5), 3, 52}, GIB(64)));
	assert_int_equal(map.levels, 4);
	assert_true(map.end >= GIB(64) && iommu_map_pages(&map) <= 140);
	/* 4 KiB pages alone: the first 4 GiB and RAM. */
	assert_null(iommu_choose(&map, &(struct iommu_limits){BIT(3), 1, 39}, GIB(8)));
	assert_int_equal(map.end, GIB(8));
	assert_non_null(iommu_choose(&map, &(struct iommu_limits){0, 3, 39}, MIB(256)));
	assert_non_null(iommu_choose(&map, &(struct iommu_limits){BIT(3), 3, 39}, GIB(513)));
	assert_non_null(iommu_choose(&map, &(struct iommu_limits){BIT(3), 3, 31}, MIB(256)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choices),
		cmocka_unit_test(maps),
		cmocka_unit_test(every_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
