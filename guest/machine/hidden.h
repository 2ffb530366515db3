/* SPDX-License-Identifier: MIT */
/* Memory that is not the guest's: hidden from it, or watched: written for it, with care. */
#ifndef GUEST_MACHINE_HIDDEN_H
#define GUEST_MACHINE_HIDDEN_H

#include "guest/machine/machine.h"

/* True when some of [start, end) is RAM in the map. */
static inline bool memmap_has_ram(const struct memmap *map, u64 start, u64 end)
{
	for (u32 i = 0; i < map->count; i++) {
		if (map->range[i].type == MEMMAP_RAM &&
		    ranges_overlap(&map->range[i], 1, start, end))
			return true;
	}
	return false;
}

/*
 * Hide [start, end), rounded out to pages, from the guest: it sees the hole page there, and reserved
 * memory in its map. To be called before the MMU is set up.
 *
 * Returns 0, or -1 after a fail() line when there are too many ranges.
 */
int memory_hide(struct machine *machine, u64 start, u64 end);

/*
 * Take [start, end) into machine->watched, by whole pages. Before the MMU is set up. What the firmware
 * calls RAM there is not the guest's RAM any more.
 * Returns 0, or -1 after a fail() line when there are too many ranges.
 */
int watch_memory(struct machine *machine, u64 start, u64 end);

bool is_watched(const struct machine *machine, u64 gpa);

/*
 * Where memory ends that may hold the guest's page tables, in whole 2 MiB: RAM, and what the firmware has set
 * apart of it for ACPI, which is an operating system's once it has read the tables (ACPI 6.4 table 15-1).
 * Bytes; no more than the GiB that RAM ends in, which is all that the direct map reaches.
 */
u64 memory_end(const struct memmap *map);

/*
 * Fill machine->readable: all up to memory_end(), ROM and registers too, but for what is hidden or watched. A
 * CPU walks tables anywhere. To be called when both lists are complete.
 * Returns 0, or -1 after a fail() line when there are too many ranges.
 */
int memory_readable(struct machine *machine);

#endif
