/* SPDX-License-Identifier: MIT */
/* The machine's physical address map, as the firmware gave it and as the guest is given it. */
#ifndef MM_PHYS_MEMMAP_H
#define MM_PHYS_MEMMAP_H

#include "arch/types.h"

/* Types are those of the BIOS call INT 15h E820h, which multiboot and Linux use too. */
enum memmap_type {
	MEMMAP_RAM = 1,
	MEMMAP_RESERVED = 2,
	MEMMAP_ACPI = 3,
	MEMMAP_NVS = 4,
	MEMMAP_BAD = 5,
};

struct memmap_range {
	u64 start; /* bytes, inclusive */
	u64 end;   /* bytes, exclusive */
	u32 type;
};

/* True when [start, end) overlaps one of `nr` ranges, in any order. */
static inline bool ranges_overlap(const struct memmap_range *range, u32 nr, u64 start, u64 end)
{
	for (u32 i = 0; i < nr; i++) {
		if (range[i].start < end && start < range[i].end)
			return true;
	}
	return false;
}

/* What shadow and nested tables are told alike. All of it has to outlive them. */
struct tables_config {
	/*
	 * Physical ranges that no entry may ever map: the hypervisor's own memory, and device registers that
	 * it keeps to itself. Whole pages anywhere: what lies past RAM costs nothing.
	 */
	const struct memmap_range *hidden;
	/* Whole pages, none of them the guest's RAM, that the guest reads itself and never writes itself. */
	const struct memmap_range *watched;
	u32 nr_hidden, nr_watched;
	/* A page of the hypervisor's that hidden addresses lead to. */
	u64 hole_hpa;
	/* Physically contiguous memory for every table, as much as the room's *_memory_size() says or more. */
	u64 pool_hpa, pool_size;
};

#define MEMMAP_MAX 256

/* Sorted by start; ranges are not empty, do not overlap, and equal neighbours are one range. */
struct memmap {
	u32 count;
	struct memmap_range range[MEMMAP_MAX];
};

/*
 * Add [start, end) with a type. Where it overlaps what is there already, the less usable type
 * wins (anything beats RAM), so firmware maps may be added in any order.
 *
 * An empty range changes nothing. An end below the start is a sum that wrapped: RAM there is not
 * to be believed and is left out, anything else reaches to the end of the address space.
 *
 * Returns 0, or -1 when the map is full: still sorted, but [start, end) is in it only in part.
 */
int memmap_add(struct memmap *map, u64 start, u64 end, u32 type);

/*
 * Give [start, end) the type, whatever it was before; empty and wrapped as in memmap_add().
 *
 * Returns 0, or -1 when the map is full, with the map unchanged.
 */
int memmap_set(struct memmap *map, u64 start, u64 end, u32 type);

/* True when all of [start, end) is RAM; an empty range is, a wrapped one (end < start) is not. */
bool memmap_is_ram(const struct memmap *map, u64 start, u64 end);

/* The end of the highest RAM range, in bytes; 0 without RAM. */
u64 memmap_ram_end(const struct memmap *map);

/* Bytes of RAM in the map. */
u64 memmap_ram_size(const struct memmap *map);

#define MEMMAP_NONE (~0ULL)

/* Room that is looked for. */
struct memmap_room {
	u64 size;     /* bytes */
	u64 align;    /* a power of two */
	u64 min, max; /* all of it is in [min, max) */
	bool lowest;  /* the lowest such place; else the highest */
};

/*
 * Find room in RAM that overlaps none of the `nr` ranges in `avoid`.
 *
 * Returns the address in bytes, or MEMMAP_NONE when there is none or its size is 0.
 */
u64 memmap_find(const struct memmap *map, const struct memmap_room *room,
		const struct memmap_range *avoid, u32 nr);

#endif
