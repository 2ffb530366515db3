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

#endif
