/* SPDX-License-Identifier: MIT */
/* What the files of this room share: the firmware's tables, the page tables, the two kinds of unit. */
#ifndef GUEST_IOMMU_UNIT_H
#define GUEST_IOMMU_UNIT_H

#include "arch/string.h"
#include "guest/machine/iommu_state.h"
#include "mm/phys/memmap.h"

struct machine;

/* Pages from the hypervisor's own memory, zeroed. */
struct iommu_pool {
	u64 next, end;
};

/* `pages` in one piece, or ~0 when there are not as many left. pages.c */
u64 iommu_take(struct iommu_pool *pool, u64 pages);

/* What every unit in use can do; each probe narrows it. */
struct iommu_limits {
	u32 levels;  /* bit n: tables of n levels, 3 to 5 */
	u32 leaf;    /* 1: 4 KiB pages only, 2: 2 MiB, 3: 1 GiB too */
	u32 address; /* bits of an address */
};

/* --- pages.c: identity tables ---------------------------------------------------------------- */

struct iommu_map {
	enum iommu_kind kind; /* whose format */
	u32 levels, leaf;
	u64 end;                         /* nothing past it is mapped; a power of two */
	const struct memmap_range *hole; /* not mapped, rounded out to pages; may overlap */
	u32 nr_holes;
};

/*
 * Choose levels, leaf and end: all of the address space that the limits allow, as far as tables of
 * 512 KiB go, but all RAM and the first 4 GiB whatever they take.
 * Returns NULL, or why there is no choice.
 */
const char *iommu_choose(struct iommu_map *map, const struct iommu_limits *limits, u64 ram_end);

/* Pages that iommu_build() takes at most. */
u64 iommu_map_pages(const struct iommu_map *map);

/* Build them; returns the root's physical address, ~0 when the pool has run out. */
u64 iommu_build(const struct iommu_map *map, struct iommu_pool *pool);

/* Write lines of the cache back to memory, for units whose walks do not look into it. */
void iommu_flush(u64 hpa, u64 size);

/* --- dmar.c, ivrs.c: the firmware's tables, all of which are checked ------------------------- */

static inline u64 iommu_get(const u8 *at, u32 bytes)
{
	u64 n = 0;

	memcpy(&n, at, bytes);
	return n;
}

/* DMAR and IVRS are lists of entries behind 48 bytes, each with its length in bytes 2 and 3. */
#define IOMMU_ENTRIES 48

struct iommu_entry {
	const u8 *start;
	u32 size;
};

/* The least size that an entry of its type has. */
typedef u32 (*iommu_least)(const u8 *start);

/* tables.c. The entry at *at, which is moved behind it. False at the end, or where it is broken. */
bool iommu_next(const u8 *table, u32 size, u32 *at, iommu_least least, struct iommu_entry *e);

/*
 * Call add() for each entry, until it returns what is wrong with one. Returns that, or what is wrong with the
 * table; NULL: nothing is.
 */
const char *iommu_parse(const u8 *table, u32 size, iommu_least least,
			const char *(*add)(const u8 *start, struct iommu *iommu),
			struct iommu *iommu);

/* Memory that a device needs. */
typedef void (*iommu_range_visit)(void *ctx, u64 start, u64 end);
/* Devices of an IVHD, first to last, with the flags of their device table entries. */
typedef void (*iommu_device_visit)(void *ctx, u32 first, u32 last, u8 flags);

/* Add the units to iommu->unit. Returns NULL, or what is wrong with the table. */
const char *dmar_parse(const u8 *dmar, u32 size, struct iommu *iommu);
const char *ivrs_parse(const u8 *ivrs, u32 size, struct iommu *iommu);

/* A segment that has units, but none that takes in every device; ~0: there is none. */
u32 dmar_uncovered(const struct iommu *iommu);

/* True when a unit of segment 0 names a device of a root bus; a bridge: with all that is behind it. */
bool dmar_names(const u8 *dmar, u32 size, u32 bus, u32 device, bool bridge);

/* find.c. Something is left open: a line, or an error, for which -1 is returned. */
int iommu_left_open(const struct machine *machine, const char *which, u64 where, const char *why);

/* Every RMRR and every IVMD. They end where the table makes no sense. */
void dmar_each_reserved(const u8 *dmar, u32 size, iommu_range_visit visit, void *ctx);
void ivrs_each_reserved(const u8 *ivrs, u32 size, iommu_range_visit visit, void *ctx);
void ivrs_each_device(const u8 *ivrs, u32 size, iommu_device_visit visit, void *ctx);

/* tables.c. Add a unit, or find it there. NULL: no room. */
struct iommu_unit *iommu_add(struct iommu *iommu, u64 base);

/* --- vtd.c, amdvi.c: the units' registers ---------------------------------------------------- */

struct iommu_fault {
	u64 addr;
	u16 source; /* bus 15:8, device 7:3, function 2:0 */
	u8 reason;  /* the hardware's own number */
	bool write;
};

typedef void (*iommu_fault_visit)(void *ctx, const struct iommu_unit *unit,
				  const struct iommu_fault *fault);

struct iommu_ops {
	const char *name, *table; /* the ACPI table's signature */
	const char *(*parse)(const u8 *table, u32 size, struct iommu *iommu);
	void (*each_reserved)(const u8 *table, u32 size, iommu_range_visit visit, void *ctx);
	u64 common_pages, unit_pages;
	/* Narrow the limits to the unit's, set its size; NULL, or why it cannot be used. */
	const char *(*probe)(struct iommu_unit *unit, struct iommu_limits *limits);
	/* What all units share, over tables from iommu_build(). Returns its address; ~0: no room. */
	u64 (*prepare)(const struct iommu_map *map, u64 root, const u8 *table, u32 size,
		       struct iommu_pool *pool);
	/* Switch it over to them. NULL, or what has not worked. */
	const char *(*enable)(struct iommu_unit *unit, u64 shared, struct iommu_pool *pool);
	/* Visit each blocked access that was recorded since the last call. */
	void (*poll)(struct iommu_unit *unit, iommu_fault_visit visit, void *ctx);
	/* What its numbers mean; NULL: no more than that it was refused. */
	const char *const *reasons;
	u32 nr_reasons;
};

extern const struct iommu_ops vtd_ops, amdvi_ops;

static inline const struct iommu_ops *iommu_ops_of(const struct iommu *iommu)
{
	return iommu->kind == IOMMU_AMDVI ? &amdvi_ops : &vtd_ops;
}

/* Reads of a register before a unit is taken for dead: a second on hardware. */
#define IOMMU_PATIENCE 1000000

/* mmio.c: a unit's registers; host tests have units of their own. */
u32 iommu_read32(const struct iommu_unit *unit, u32 offset);
u64 iommu_read64(const struct iommu_unit *unit, u32 offset);
void iommu_write32(const struct iommu_unit *unit, u32 offset, u32 value);
void iommu_write64(const struct iommu_unit *unit, u32 offset, u64 value);

#endif
