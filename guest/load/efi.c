/* SPDX-License-Identifier: MIT */
/* EFI's memory map (UEFI specification 2.10, 7.2.3), as a guest is given it. */
#include "arch/string.h"
#include "guest/load/parts.h"

/* The end of the part of [at, end) that has one type in the map, and whether it is RAM there. */
static u64 part_end(const struct memmap *map, u64 at, u64 end, bool *ram)
{
	*ram = false;
	for (u32 i = 0; i < map->count; i++) {
		const struct memmap_range *r = &map->range[i];

		if (r->end <= at)
			continue;
		if (r->start > at)
			return r->start < end ? r->start : end;
		*ram = r->type == MEMMAP_RAM;
		return r->end < end ? r->end : end;
	}
	return end;
}

/* A descriptor's first bytes, then the rest of it as the firmware has it. */
static void put(const struct load *l, struct load_block *b, const struct efi_desc *d,
		const u8 *firmware)
{
	load_put(b, d, sizeof(*d), 1);
	load_put(b, firmware + sizeof(*d), l->boot->efi.desc_size - sizeof(*d), 1);
}

/* What was RAM in the firmware's map, and is not in the guest's, is notrap's. */
static void put_parts(const struct load *l, struct load_block *b, struct efi_desc d,
		      const u8 *firmware)
{
	u64 end = d.start + (d.pages << PAGE_SHIFT);
	u32 type = d.type;

	if (end <= d.start) {
		put(l, b, &d, firmware);
		return;
	}
	while (d.start < end) {
		bool was_ram, is_ram;
		u64 to = part_end(&l->boot->map, d.start, end, &was_ram);

		to = part_end(l->map, d.start, to, &is_ram);
		d.type = was_ram && !is_ram ? EFI_RESERVED : type;
		d.pages = (to - d.start) >> PAGE_SHIFT;
		put(l, b, &d, firmware);
		d.start = to;
	}
}

u32 load_put_efi_map(const struct load *l, struct load_block *b, u64 *at)
{
	const struct boot_efi *efi = &l->boot->efi;
	u64 before;

	*at = load_put(b, NULL, 0, 8);
	before = b->used;
	for (u32 i = 0; efi->map && i + efi->desc_size <= efi->map_size; i += efi->desc_size) {
		struct efi_desc d;

		memcpy(&d, efi->map + i, sizeof(d));
		put_parts(l, b, d, efi->map + i);
	}
	return (u32)(b->used - before);
}
