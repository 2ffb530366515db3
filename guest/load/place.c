/* SPDX-License-Identifier: MIT */
/* Where things go in guest RAM: nothing over anything that is still needed. */
#include "arch/string.h"
#include "guest/load/parts.h"
#include "mm/phys/phys.h"

bool load_read(const struct load_file *file, u64 offset, void *to, u64 len)
{
	if (len > file->size || offset > file->size - len)
		return false;
	memcpy(to, file->data + offset, len);
	return true;
}

static int take(struct load *l, u64 start, u64 size, const char *part)
{
	if (l->busies == LOAD_BUSY_MAX)
		return fail("%s: too many parts to place, at %s", l->what, part);
	l->busy[l->busies++] = (struct memmap_range){start, start + size, 0};
	return 0;
}

int load_claim(struct load *l, u64 start, u64 size, const char *part)
{
	u64 end = start + size;

	if (end < start)
		return fail("%s: its %s at 0x%lx, 0x%lx bytes, wraps around the address space",
			    l->what, part, start, size);
	if (memmap_is_ram(l->map, start, end))
		return take(l, start, size, part);
	/* What the firmware calls RAM and the guest's map does not is notrap's. */
	if (memmap_is_ram(&l->boot->map, start, end))
		return fail("%s: its %s at 0x%lx-0x%lx lies over notrap's own memory", l->what,
			    part, start, end);
	return fail("%s: its %s at 0x%lx-0x%lx is not in RAM", l->what, part, start, end);
}

u64 load_find(const struct load *l, const struct memmap_room *room, u32 nr)
{
	u64 at = memmap_find(&l->free, room, l->busy, nr);

	return at != MEMMAP_NONE ? at : memmap_find(l->map, room, l->busy, nr);
}

u64 load_place(struct load *l, u64 size, u64 max, const char *part)
{
	struct memmap_room room = {.size = size, .align = PAGE_SIZE, .min = LOAD_LOW_MIN};
	u64 at;

	room.max = max < LOAD_LOW_MAX ? max : LOAD_LOW_MAX;
	at = load_find(l, &room, l->busies);
	room.max = max;
	if (at == MEMMAP_NONE)
		at = load_find(l, &room, l->busies);
	if (at == MEMMAP_NONE) {
		fail("%s: no room for its %s: 0x%lx bytes of free RAM below 0x%lx are needed",
		     l->what, part, size, max);
		return MEMMAP_NONE;
	}
	return take(l, at, size, part) ? MEMMAP_NONE : at;
}

bool load_file_in_the_way(const struct load *l, u32 i)
{
	const struct memmap_range *f = &l->busy[i];

	for (u32 k = l->files; k < l->busies; k++)
		if (f->start < f->end && f->start < l->busy[k].end && l->busy[k].start < f->end)
			return true;
	return false;
}

int load_move_file(struct load *l, u32 i, u64 max)
{
	struct load_file *f = &l->file[i];
	const struct memmap_room room = {
		.size = f->size, .align = PAGE_SIZE, .min = MIB(1), .max = max};
	struct memmap_range old = l->busy[i];
	u64 at;

	/* The new place may overlap the old one. */
	l->busy[i] = (struct memmap_range){0};
	at = load_find(l, &room, l->busies);
	if (at == MEMMAP_NONE) {
		l->busy[i] = old;
		return -1;
	}
	memmove(phys_ptr(at), f->data, f->size);
	f->data = phys_ptr(at);
	l->busy[i] = (struct memmap_range){at, at + f->size, 0};
	return 0;
}

void *load_at(const struct load_block *b, u64 addr)
{
	return b->start ? phys_ptr(addr) : NULL;
}

u64 load_put(struct load_block *b, const void *data, u64 len, u64 align)
{
	u64 addr;

	b->used = ALIGN_UP(b->used, align);
	addr = b->start + b->used;
	b->used += len;
	if (b->start && data)
		memcpy(phys_ptr(addr), data, len);
	else if (b->start)
		memset(phys_ptr(addr), 0, len);
	return addr;
}

u64 load_put_gdt(struct load_block *b, bool long_mode)
{
	const u64 gdt[] = {
		0,
		0,
		long_mode ? 0x00af9b000000ffff : 0x00cf9b000000ffff,
		0x00cf93000000ffff,
	};

	_Static_assert(sizeof(gdt) == LOAD_GDT_LIMIT + 1, "the GDT's limit is its size - 1");
	return load_put(b, gdt, sizeof(gdt), 8);
}
