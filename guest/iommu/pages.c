/* SPDX-License-Identifier: MIT */
/*
 * Identity tables with holes, in either format: second-stage tables of VT-d (Intel VT-d
 * specification 9.3 legacy, 9.8) and I/O page tables of AMD-Vi (AMD IOMMU specification 2.2.3).
 */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/iommu/unit.h"
#include "mm/phys/phys.h"

/* 57 bits: no address of memory is longer. */
#define LEVELS_MAX 5
/* More of the address space is only mapped as far as its tables stay below it. */
#define PAGES_WANTED (KIB(512) / PAGE_SIZE)

/* VT-d. */
#define VTD_R  BIT(0)
#define VTD_W  BIT(1)
#define VTD_PS BIT(7)

/* AMD-Vi. */
#define AMD_PR            BIT(0)
#define AMD_NEXT_LEVEL(n) ((u64)(n) << 9)
#define AMD_IR            BIT(61)
#define AMD_IW            BIT(62)

u64 iommu_take(struct iommu_pool *pool, u64 pages)
{
	u64 hpa = pool->next;

	if ((pool->end - pool->next) / PAGE_SIZE < pages)
		return ~0ULL;
	pool->next += pages * PAGE_SIZE;
	memset(phys_ptr(hpa), 0, pages * PAGE_SIZE);
	return hpa;
}

static u64 link_entry(const struct iommu_map *map, u64 table, u32 level)
{
	if (map->kind == IOMMU_VTD)
		return table | VTD_R | VTD_W;
	return table | AMD_PR | AMD_NEXT_LEVEL(level - 1) | AMD_IR | AMD_IW;
}

static u64 leaf_entry(const struct iommu_map *map, u64 hpa, u32 level)
{
	if (map->kind == IOMMU_VTD)
		return hpa | VTD_R | VTD_W | (level > 1 ? VTD_PS : 0);
	return hpa | AMD_PR | AMD_NEXT_LEVEL(0) | AMD_IR | AMD_IW;
}

/*
 * Without PR the other bits are ignored by hardware. QEMU blocks an entry of zero, or a leaf without
 * rights, in silence; with a next level it looks at PR, and raises a page fault.
 */
static u64 hole_entry(const struct iommu_map *map)
{
	return map->kind == IOMMU_VTD ? 0 : AMD_NEXT_LEVEL(1);
}

enum cover { COVER_NONE, COVER_PART, COVER_ALL };

/* How much of [start, end) is a hole. */
static enum cover cover(const struct iommu_map *map, u64 start, u64 end)
{
	enum cover most = COVER_NONE;

	if (start >= map->end)
		return COVER_ALL;
	for (u32 i = 0; i < map->nr_holes; i++) {
		u64 from = ALIGN_DOWN(map->hole[i].start, PAGE_SIZE);
		u64 to = ALIGN_UP(map->hole[i].end, PAGE_SIZE);

		if (from <= start && end <= to)
			return COVER_ALL;
		if (from < end && start < to)
			most = COVER_PART;
	}
	return most;
}

/* The table for [base, ...), a level at a time: recursion ends at level 1. */
static u64 build(const struct iommu_map *map, struct iommu_pool *pool, u32 level, u64 base)
{
	u64 hpa = iommu_take(pool, 1), *table;

	if (hpa == ~0ULL)
		return hpa;
	table = phys_ptr(hpa);
	for (u32 i = 0; i < TABLE_ENTRIES; i++) {
		u64 start = base + ((u64)i << LEVEL_SHIFT(level)), child;
		enum cover covered = cover(map, start, start + BIT(LEVEL_SHIFT(level)));

		if (covered == COVER_ALL) {
			table[i] = hole_entry(map);
		} else if (level <= map->leaf && covered == COVER_NONE) {
			table[i] = leaf_entry(map, start, level);
		} else {
			child = build(map, pool, level - 1, start);
			if (child == ~0ULL)
				return child;
			table[i] = link_entry(map, child, level);
		}
	}
	return hpa;
}

u64 iommu_build(const struct iommu_map *map, struct iommu_pool *pool)
{
	return build(map, pool, map->levels, 0);
}

/* Tables for [0, end) without holes. */
static u64 plain_pages(u32 levels, u32 leaf, u64 end)
{
	u64 pages = 0;

	for (u32 level = leaf; level <= levels; level++)
		pages += (end + BIT(LEVEL_SHIFT(level + 1)) - 1) >> LEVEL_SHIFT(level + 1);
	return pages;
}

u64 iommu_map_pages(const struct iommu_map *map)
{
	/* Either end of a hole cuts one leaf at most, down to 4 KiB. */
	return plain_pages(map->levels, map->leaf, map->end) +
	       (u64)map->nr_holes * 2 * (map->leaf - 1);
}

const char *iommu_choose(struct iommu_map *map, const struct iommu_limits *limits, u64 ram_end)
{
	u32 bits = 0;

	for (u32 n = 3; n <= LEVELS_MAX; n++)
		if (limits->levels & BIT(n))
			bits = LEVEL_SHIFT(n + 1);
	if (!bits)
		return "its units have no table format in common";
	if (bits > limits->address)
		bits = limits->address;
	for (map->end = GIB(4); map->end < ram_end; map->end <<= 1)
		;
	if (bits < 32 || map->end > BIT(bits))
		return "its addresses do not reach the end of RAM";
	while (map->end < BIT(bits) &&
	       plain_pages(LEVELS_MAX, limits->leaf, map->end << 1) <= PAGES_WANTED)
		map->end <<= 1;
	map->levels = 3;
	while (!(limits->levels & BIT(map->levels)) || BIT(LEVEL_SHIFT(map->levels + 1)) < map->end)
		map->levels++;
	map->leaf = limits->leaf;
	return NULL;
}

void iommu_flush(u64 hpa, u64 size)
{
	for (u64 at = hpa; at < hpa + size; at += 64)
		clflush(phys_ptr(at));
	mfence();
}
