/* SPDX-License-Identifier: MIT */
/* What multiboot1 and multiboot2 share: kernel and modules into place, and the start state. */
#include "arch/string.h"
#include "guest/load_parts.h"
#include "mm/phys/phys.h"

static int move_away(struct load *l, u32 i)
{
	if (!load_move_file(l, i, LOAD_LIMIT))
		return 0;
	return fail("module %u (%lu bytes) is in the way, and no room for it is left in %lu bytes "
		    "of RAM",
		    i + 1, l->file[i].size, memmap_ram_size(l->map));
}

/* Wherever the boot loader put a module, the guest can use it there. */
static bool module_fits(const struct load *l, u32 i)
{
	const struct memmap_range *at = &l->busy[i];

	return at->start == at->end ||
	       (at->start % PAGE_SIZE == 0 && at->end <= LOAD_LIMIT &&
		memmap_is_ram(l->map, at->start, at->end) && !load_file_in_the_way(l, i));
}

int load_run_plan(struct load *l, const struct load_plan *plan)
{
	bool entry_loaded = false;

	for (u32 i = 0; i < plan->count; i++) {
		const struct load_part *p = &plan->part[i];

		entry_loaded |= plan->entry - p->dest < p->memsz;
		if (load_claim(l, p->dest, p->memsz, "segment"))
			return -1;
	}
	if (!entry_loaded)
		return fail("%s: its entry point 0x%lx is in no segment", l->what, plan->entry);
	if (load_file_in_the_way(l, 0) && move_away(l, 0))
		return -1;
	for (u32 i = 1; i < l->files; i++)
		if (!module_fits(l, i) && move_away(l, i))
			return -1;
	for (u32 i = 0; i < plan->count; i++) {
		const struct load_part *p = &plan->part[i];
		u8 *to = phys_ptr(p->dest);

		memcpy(to, l->file[0].data + p->offset, p->filesz);
		memset(to + p->filesz, 0, p->memsz - p->filesz);
	}
	return 0;
}

void load_multiboot_start(struct guest_start *out, u64 entry, u64 magic, u64 info, u64 gdt)
{
	out->rip = entry;
	out->rax = magic;
	out->rbx = info;
	out->cr0 = LOAD_CR0_PROT;
	out->gdt_base = gdt;
	out->gdt_limit = LOAD_GDT_LIMIT;
	out->cs = LOAD_CS;
	out->ds = LOAD_DS;
}

static u32 ram_from(const struct memmap *map, u64 start, u64 max)
{
	u64 end = start;

	for (u32 i = 0; i < map->count; i++)
		if (map->range[i].type == MEMMAP_RAM && map->range[i].start <= end)
			end = map->range[i].end > end ? map->range[i].end : end;
	end = end < max ? end : max;
	return (u32)((end - start) >> 10);
}

void load_basic_meminfo(const struct memmap *map, u32 *lower, u32 *upper)
{
	*lower = ram_from(map, 0, LOAD_LOW_MAX);
	*upper = ram_from(map, MIB(1), GIB(4));
}
