/* SPDX-License-Identifier: MIT */
/* The lists of what is hidden and what is watched, and the guest's map with them. */
#include "guest/machine/hidden.h"

#include "arch/console.h"

int memory_hide(struct machine *m, u64 start, u64 end)
{
	struct memmap_range range = {.start = ALIGN_DOWN(start, PAGE_SIZE),
				     .end = ALIGN_UP(end, PAGE_SIZE)};

	if (m->nr_hidden == ARRAY_SIZE(m->hidden) ||
	    memmap_set(&m->guest_map, range.start, range.end, MEMMAP_RESERVED) < 0)
		return fail("the firmware's memory map has too many ranges");
	m->hidden[m->nr_hidden++] = range;
	return 0;
}

int watch_memory(struct machine *m, u64 start, u64 end)
{
	struct memmap_range range = {ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE),
				     MEMMAP_RESERVED};

	if (m->nr_watched == WATCHED_MAX)
		return fail(
			"the firmware's tables list more than %u ranges of registers that notrap "
			"has to watch",
			WATCHED_MAX);
	if (memmap_has_ram(&m->guest_map, range.start, range.end) &&
	    memmap_set(&m->guest_map, range.start, range.end, MEMMAP_RESERVED) < 0)
		return fail("the firmware's memory map has too many ranges");
	m->watched[m->nr_watched++] = range;
	return 0;
}

u64 memory_end(const struct memmap *map)
{
	u64 end = memmap_ram_end(map), limit = ALIGN_UP(end, GIB(1));

	for (u32 i = 0; i < map->count; i++) {
		const struct memmap_range *r = &map->range[i];

		if ((r->type == MEMMAP_ACPI || r->type == MEMMAP_NVS) && r->end > end &&
		    r->start < limit)
			end = r->end < limit ? r->end : limit;
	}
	return ALIGN_UP(end, MIB(2));
}

static bool cut_out(struct machine *m, const struct memmap_range *range, u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		if (memmap_set(&m->readable, range[i].start, range[i].end, MEMMAP_RESERVED) < 0)
			return false;
	}
	return true;
}

int memory_readable(struct machine *m)
{
	m->readable.count = 0;
	if (memmap_set(&m->readable, 0, memory_end(&m->guest_map), MEMMAP_RAM) < 0 ||
	    !cut_out(m, m->hidden, m->nr_hidden) || !cut_out(m, m->watched, m->nr_watched))
		return fail("notrap hides and watches too many ranges of memory");
	return 0;
}

bool is_watched(const struct machine *m, u64 gpa)
{
	return ranges_overlap(m->watched, m->nr_watched, gpa, gpa + 1) &&
	       !ranges_overlap(m->hidden, m->nr_hidden, gpa, gpa + 1);
}
