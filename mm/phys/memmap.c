/* SPDX-License-Identifier: MIT */
/* The physical address map: overlaps resolved as ranges come in, so that it is always sorted. */
#include "mm/phys/memmap.h"
#include "arch/string.h"

/* The least usable type has the highest rank; a type we do not know is as good as reserved. */
static int rank(u32 type)
{
	static const int ranks[] = {[0] = 3,           [MEMMAP_RAM] = 0, [MEMMAP_RESERVED] = 3,
				    [MEMMAP_ACPI] = 1, [MEMMAP_NVS] = 2, [MEMMAP_BAD] = 4};

	return type < ARRAY_SIZE(ranks) ? ranks[type] : 3;
}

/* False when nothing is left of [start, *end) to add. */
static bool unwrap(u64 start, u64 *end, u32 type)
{
	if (*end < start)
		*end = type == MEMMAP_RAM ? start : ~0ULL;
	return start < *end;
}

int memmap_set(struct memmap *map, u64 start, u64 end, u32 type)
{
	struct memmap_range piece[3];
	u32 first = 0, last, n = 0;

	if (!unwrap(start, &end, type))
		return 0;

	/* [first, last) are the ranges that overlap or touch: those are replaced. */
	while (first < map->count && map->range[first].end < start)
		first++;
	for (last = first; last < map->count && map->range[last].start <= end;)
		last++;

	struct memmap_range new = {start, end, type};
	struct memmap_range right = {0};

	if (first < last) {
		struct memmap_range left = map->range[first];

		right = map->range[last - 1];
		if (left.start < start && left.type == type) {
			new.start = left.start;
		} else if (left.start < start) {
			left.end = left.end < start ? left.end : start;
			piece[n++] = left;
		}
		if (right.end > end && right.type == type) {
			new.end = right.end;
			right.end = 0;
		}
	}
	piece[n++] = new;
	if (right.end > new.end) {
		right.start = right.start > end ? right.start : end;
		piece[n++] = right;
	}

	if (map->count - (last - first) + n > MEMMAP_MAX)
		return -1;
	memmove(&map->range[first + n], &map->range[last],
		(map->count - last) * sizeof(map->range[0]));
	memcpy(&map->range[first], piece, n * sizeof(piece[0]));
	map->count = map->count - (last - first) + n;
	return 0;
}

int memmap_add(struct memmap *map, u64 start, u64 end, u32 type)
{
	if (!unwrap(start, &end, type))
		return 0;

	/* Piece by piece: each is either a gap or inside one range that is there already. */
	while (start < end) {
		u64 until = end;
		bool wins = true;
		u32 i = 0;

		while (i < map->count && map->range[i].end <= start)
			i++;
		if (i < map->count && map->range[i].start <= start) {
			until = map->range[i].end < end ? map->range[i].end : end;
			wins = rank(type) > rank(map->range[i].type);
		} else if (i < map->count && map->range[i].start < end) {
			until = map->range[i].start;
		}
		if (wins && memmap_set(map, start, until, type))
			return -1;
		start = until;
	}
	return 0;
}

bool memmap_is_ram(const struct memmap *map, u64 start, u64 end)
{
	if (end <= start)
		return end == start;
	for (u32 i = 0; i < map->count; i++) {
		const struct memmap_range *r = &map->range[i];

		if (r->start <= start && start < r->end)
			return r->type == MEMMAP_RAM && end <= r->end;
	}
	return false;
}

u64 memmap_ram_end(const struct memmap *map)
{
	for (u32 i = map->count; i-- > 0;)
		if (map->range[i].type == MEMMAP_RAM)
			return map->range[i].end;
	return 0;
}

u64 memmap_ram_size(const struct memmap *map)
{
	u64 size = 0;

	for (u32 i = 0; i < map->count; i++)
		if (map->range[i].type == MEMMAP_RAM)
			size += map->range[i].end - map->range[i].start;
	return size;
}

static const struct memmap_range *overlap(u64 start, u64 end, const struct memmap_range *avoid,
					  u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		if (avoid[i].start < avoid[i].end && avoid[i].start < end && start < avoid[i].end)
			return &avoid[i];
	return NULL;
}

u64 memmap_find(const struct memmap *map, const struct memmap_room *room,
		const struct memmap_range *avoid, u32 nr)
{
	u64 size = room->size, align = room->align;

	for (u32 i = 0; i < map->count && size; i++) {
		const struct memmap_range *r = &map->range[room->lowest ? i : map->count - 1 - i];
		u64 low = r->start > room->min ? r->start : room->min;
		u64 end = r->end < room->max ? r->end : room->max;

		while (r->type == MEMMAP_RAM && low < end && end - low >= size) {
			u64 start =
				room->lowest ? ALIGN_UP(low, align) : ALIGN_DOWN(end - size, align);
			const struct memmap_range *hit;

			if (start < low || start > end || end - start < size)
				break;
			hit = overlap(start, start + size, avoid, nr);
			if (!hit)
				return start;
			if (room->lowest)
				low = hit->end;
			else
				end = hit->start;
		}
	}
	return MEMMAP_NONE;
}
