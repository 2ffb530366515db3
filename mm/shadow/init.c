/* SPDX-License-Identifier: MIT */
/* Setting the shadow MMU up in the memory it is given. */
#include "arch/console.h"
#include "arch/string.h"
#include "mm/shadow/settle.h"

/* Enough for all the pages that one instruction on each virtual CPU needs to be there at once. */
#define SHADOWS_MIN 256
#define SHADOWS_MAX (1u << 22)
/* Regions exist for the first 4 GiB at least: the identity tables of a guest without paging. */
#define REGIONS_MIN 2048

/* With its share of the direct tables' hash. */
#define SHADOW_BYTES (2 * PAGE_SIZE + sizeof(struct shadow) + sizeof(u32))

/* By what an exit costs at the most: tests/guests/slow measures it. */
const struct mmu_bounds mmu_bounds = {
	.kept = 16,
	.frame_leaves = 2048,
	.region_leaves = 256,
	.parents = 1024,
	.unsync_parents = 16,
	.unsync = MMU_UNSYNC_MAX,
	.frame_shadows = 8,
	.bucket = 16,
	.work = 1700,
	.soften_after = 1024,
};

static u64 nr_regions(u64 nr_frames)
{
	u64 n = (nr_frames + REGION_FRAMES - 1) / REGION_FRAMES;

	return n < REGIONS_MIN ? REGIONS_MIN : n;
}

/* Bytes that grow with the guest's memory, whatever the number of shadow tables. */
static u64 fixed_bytes(u64 nr_frames)
{
	return ALIGN_UP(sizeof(struct mmu), 64) + ALIGN_UP(nr_frames * sizeof(struct frame), 64) +
	       ALIGN_UP(nr_regions(nr_frames) * sizeof(struct region), 64) +
	       (3 + MMU_UNSYNC_MAX) * PAGE_SIZE;
}

u64 mmu_memory_size(u64 ram, u64 end)
{
	u64 bound = ram / 1000 * MMU_POOL_PERMILLE;

	if (bound > MMU_POOL_MAX)
		bound = MMU_POOL_MAX;
	if (bound < SHADOWS_MIN * SHADOW_BYTES)
		bound = SHADOWS_MIN * SHADOW_BYTES;
	return ALIGN_UP(fixed_bytes(end >> PAGE_SHIFT) + bound, PAGE_SIZE);
}

/* Take bytes from the pool's front. */
static void *take(u8 **next, u64 bytes)
{
	void *taken = *next;

	memset(taken, 0, bytes);
	*next += ALIGN_UP(bytes, 64);
	return taken;
}

static void init_frames(struct mmu *m, const struct tables_config *c)
{
	const struct memmap *map = m->guest->map;

	for (u64 i = 0; i < m->nr_frames; i++)
		m->frames[i].state = FRAME_NOT_RAM;
	for (u32 r = 0; r < map->count; r++) {
		if (map->range[r].type != MEMMAP_RAM)
			continue;
		for (u64 i = ALIGN_UP(map->range[r].start, PAGE_SIZE) >> PAGE_SHIFT;
		     i < map->range[r].end >> PAGE_SHIFT; i++)
			m->frames[i].state = 0;
	}
	for (u32 r = 0; r < c->nr_hidden; r++) {
		u64 first = c->hidden[r].start >> PAGE_SHIFT;
		u64 end = ALIGN_UP(c->hidden[r].end, PAGE_SIZE) >> PAGE_SHIFT;

		for (u64 i = first; i < end && i < m->nr_frames; i++)
			m->frames[i].state = FRAME_HIDDEN;
		for (u64 i = first / REGION_FRAMES; i * REGION_FRAMES < end && i < m->nr_regions;
		     i++)
			m->regions[i].apart = true;
	}
	for (u32 r = 0; r < c->nr_watched; r++) {
		u64 first = c->watched[r].start / MIB(2);
		u64 end = ALIGN_UP(c->watched[r].end, MIB(2)) / MIB(2);

		for (u64 i = first; i < end && i < m->nr_regions; i++)
			m->regions[i].apart = true;
	}
}

static void set_traps(struct mmu *m, const struct spte_traps *traps)
{
	m->traps = *traps;
	/* PS: one more reason to be reserved, and spte_is_link() is a single test. */
	for (u32 f = 0; f < NR_SPTE_FORMATS; f++) {
		for (int level = 1; level < PAGING_LEVELS; level++) {
			u64 *trap = &m->traps.entry[f][level];

			*trap |= *trap && level > 1 ? PTE_PS : 0;
			m->soft_traps |= spte_is_soft(*trap);
		}
	}
}

struct mmu *mmu_init(const struct mmu_config *c)
{
	u64 frames = memmap_ram_end(c->guest->map) >> PAGE_SHIFT, fixed, shadows;
	u8 *next = phys_ptr(c->tables.pool_hpa);
	struct mmu *m;

	fixed = fixed_bytes(frames);
	shadows = c->tables.pool_size > fixed ? (c->tables.pool_size - fixed) / SHADOW_BYTES : 0;
	if (shadows < SHADOWS_LEAST(c->nr_vcpus))
		return fail("shadow MMU: %lu KiB of memory are too little for a guest of %lu MiB",
			    c->tables.pool_size >> 10, memmap_ram_size(c->guest->map) >> 20),
		       NULL;
	m = take(&next, sizeof(*m));
	m->guest = c->guest;
	m->sync = c->sync;
	m->bypass = c->bypass;
	m->read_pkru = c->read_pkru;
	m->user_filter = c->user_filter;
	m->bounds = c->bounds ? c->bounds : &mmu_bounds;
	m->max_vcpus = c->nr_vcpus;
	m->invlpgs = 1;
	m->ways = 1;
	m->trap_bits = GENMASK(c->guest->features.maxphyaddr - 1, 12);
	m->config = c->tables;
	m->nr_frames = frames;
	m->frames = take(&next, frames * sizeof(struct frame));
	m->nr_regions = nr_regions(frames);
	m->regions = take(&next, m->nr_regions * sizeof(struct region));
	m->nr_shadows = shadows < SHADOWS_MAX ? (u32)shadows : SHADOWS_MAX;
	m->shadows = take(&next, m->nr_shadows * sizeof(struct shadow));
	/* The largest power of two that is not more than they, less one. */
	m->direct_mask = (1u << (31 - __builtin_clz(m->nr_shadows))) - 1;
	m->direct = take(&next, (m->direct_mask + 1) * sizeof(u32));
	m->tables_hpa = ALIGN_UP(phys_addr(next), PAGE_SIZE);
	m->tables = phys_ptr(m->tables_hpa);
	next = (u8 *)m->tables;
	take(&next, m->nr_shadows * PAGE_SIZE);
	m->links = take(&next, m->nr_shadows * PAGE_SIZE);
	for (u32 i = 0; i < MMU_UNSYNC_MAX; i++)
		m->unsync[i].copy = take(&next, PAGE_SIZE);
	init_frames(m, &m->config);
	INVARIANT(6, m->trap_bits >> PAGE_SHIFT >= frames ||
			     m->frames[m->trap_bits >> PAGE_SHIFT].state >= FRAME_HIDDEN);
	set_traps(m, &c->traps);
	shadow_init(m);
	return m;
}

void mmu_vcpu_init(struct mmu_vcpu *v, struct mmu *m, struct counters *counters)
{
	*v = (struct mmu_vcpu){.mmu = m, .counters = counters, .hw = {.flush = MMU_FLUSH_ALL}};
	INVARIANT(11, m->nr_vcpus < m->max_vcpus && m->nr_vcpus < MMU_VCPUS_MAX);
	m->vcpu[m->nr_vcpus++] = v;
	v->filter.user = m->user_filter == MMU_USER_ALWAYS;
	v->recent_now = v->recent[v->hw.filter_user];
	op_begin(m);
	v->pae_root = shadow_pae_root(v);
	settle(v);
}
