/* SPDX-License-Identifier: MIT */
/* The hypervisor's share of the machine's memory. */
#include "guest/machine/hidden.h"
#include "guest/start/steps.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/string.h"
#include "guest/cpus/park.h"
#include "guest/iommu/iommu.h"
#include "guest/machine/backend.h"
#include "guest/machine/machine.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"

/* Less than this, and no guest of today starts. */
#define GUEST_RAM_MIN MIB(8)

/* Pages for the direct map's tables, from the pool's front. */
struct table_pages {
	u64 next, end;
};

static u64 table_page(void *ctx)
{
	struct table_pages *pages = ctx;
	u64 page = pages->next;

	if (page == pages->end)
		return ~0ULL;
	pages->next += PAGE_SIZE;
	memset(phys_ptr(page), 0, PAGE_SIZE);
	return page;
}

/* As map_extend() asks: one for each 512 GiB, and one for each GiB past the fourth. */
static u64 table_bytes(u64 ram_end)
{
	u64 gib = ALIGN_UP(ram_end, GIB(1)) >> 30;

	return gib <= 4 ? 0 : ((gib + TABLE_ENTRIES - 1) / TABLE_ENTRIES + gib - 4) * PAGE_SIZE;
}

static void say_share(const char *whose, u64 pool, u64 ram)
{
	u64 permille = (pool * 1000 + ram - 1) / ram;

	say("memory: %lu KiB for %s, %lu.%lu %% of %lu MiB", pool >> 10, whose, permille / 10,
	    permille % 10, ram >> 20);
}

/* No leaf may have the address of a trap: mm/shadow/spte.h. */
static int hide_topmost(struct machine *m)
{
	u64 top = BIT(m->maxphyaddr) - PAGE_SIZE;

	return memmap_has_ram(&m->guest_map, top, top + PAGE_SIZE)
		       ? memory_hide(m, top, top + PAGE_SIZE)
		       : 0;
}

int memory_take(struct machine *m, const struct bootinfo *boot, u64 *pool_hpa, u64 *pool_size)
{
	struct memmap_room room = {.align = PAGE_SIZE, .min = MIB(1), .max = GIB(4)};
	struct memmap_range avoid[BOOT_MODULES_MAX + 1];
	u64 tables = table_bytes(memmap_ram_end(&boot->map)), size, base;
	struct table_pages pages;
	u32 nr = 0;

	m->guest_map = boot->map;
	if (memory_hide(m, boot->image_start, boot->image_end) < 0 || hide_topmost(m) < 0)
		return -1;
	avoid[nr++] = m->hidden[0];
	for (u32 i = 0; i < boot->modules; i++) {
		avoid[nr++] =
			(struct memmap_range){.start = boot->module[i].start,
					      .end = boot->module[i].start + boot->module[i].size};
	}
	size = ALIGN_UP(m->paging->memory_size(&boot->map) + tables, PAGE_SIZE) +
	       park_memory_size(boot) + iommu_memory_size(&m->iommu);
	room.size = size;
	base = memmap_find(&boot->free, &room, avoid, nr);
	if (base == MEMMAP_NONE)
		base = memmap_find(&boot->map, &room, avoid, nr);
	/* What notrap needs grows with the RAM; the room below 4 GiB does not. */
	if (base == MEMMAP_NONE && memmap_ram_size(&boot->map) >= GIB(8))
		return fail("too much memory: for %lu MiB of RAM notrap needs %lu MiB in one piece "
			    "below 4 GiB, which this machine does not have: boot it with less",
			    memmap_ram_size(&boot->map) >> 20, (size >> 20) + 1);
	if (base == MEMMAP_NONE || memmap_ram_size(&boot->map) < size + GUEST_RAM_MIN)
		return fail(
			"too little memory: the machine has %lu MiB of RAM, notrap needs %lu MiB in one "
			"piece below 4 GiB and its guest %lu MiB: add memory",
			memmap_ram_size(&boot->map) >> 20, (size >> 20) + 1, GUEST_RAM_MIN >> 20);
	if (memory_hide(m, base, base + size) < 0)
		return -1;
	pages = (struct table_pages){.next = base, .end = base + tables};
	if (map_extend(&boot->map, table_page, &pages) < 0)
		return -1;
	*pool_hpa = base + tables;
	*pool_size = size - tables;
	say_share(m->paging->name, *pool_size - iommu_memory_size(&m->iommu),
		  memmap_ram_size(&boot->map));
	return 0;
}
