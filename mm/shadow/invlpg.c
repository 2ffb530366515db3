/* SPDX-License-Identifier: MIT */
/* INVLPG, where it exits: while some table is out of sync, or its coming has to be seen. */
#include "mm/shadow/memo.h"

/* INVLPG exits in a row, none for a table out of sync, that are too many: then all are synced again. */
#define VAIN_INVLPG_MAX 8

/* One more, and it begins an operation. */
static ALWAYS_INLINE void begin(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;

	count(v->counters, invlpg);
	if (unlikely(++m->invlpgs == 0))
		m->invlpgs = 1;
	m->ask_invlpg = false;
	m->work = 0;
	m->clock++;
	m->operations++;
}

/* INVLPG drops what a CPU keeps of upper levels, of any address (SDM vol. 3A 4.10.4.1): INVVPID of one does not. */
static ALWAYS_INLINE void drop_stale_ways(struct mmu *m)
{
	if (unlikely(m->stale_ways))
		need_flush(m);
}

void mmu_invlpg(struct mmu_vcpu *v, u64 gva)
{
	struct mmu *m = v->mmu;

	begin(v);
	m->in_operation = true;
	need_flush_gva(v, gva);
	if (unlikely(m->upper_unsync))
		resync_all(v, true);
	if (resync_gva(v, gva))
		m->vain_invlpg = 0;
	else if (++m->vain_invlpg >= VAIN_INVLPG_MAX)
		resync_some(v);
	settle(v);
	drop_stale_ways(m);
}

/* The most frequent of all: the leaf of a table that was flooded, and not long ago another one of it. */
static ALWAYS_INLINE bool follow_quickly(struct mmu_vcpu *v, u64 gva)
{
	struct mmu *m = v->mmu;
	const struct mmu_way *way = way_at(v, gva);
	u32 i = spt_index(1, gva);
	slot_t slot = way->first + i;

	if (!memo_holds(v) || way->where != gva / REGION_SIZE || !way->frame ||
	    !way_is_unsync(way) ||
	    !quick_sync(v, way->table[0], slot, way->guest[i], common_trap(m)))
		return false;
	copy_forget(way->table[0], slot);
	flood_followed(way->table[0]);
	return true;
}

/* What is left of mmu_invlpg_straight(): at most a leaf follows. */
static __attribute__((noinline)) bool follow_leaf(struct mmu_vcpu *v, u64 gva)
{
	struct mmu *m = v->mmu;
	const struct mmu_way *way;

	/* INVVPID takes what the hypervisor's own four levels have: see commit_hardware(). */
	if (!v->cr3_role || m->vain_invlpg + 1 >= VAIN_INVLPG_MAX || !is_canonical(gva, 48))
		return false;
	begin(v);
	m->in_operation = true;
	memo_begin(v);
	way = recall_way(v, gva);
	if (way && table_is_unsync(m, slot_table(way->first))) {
		m->vain_invlpg = 0;
		if (entry_sync(v, way->first + spt_index(1, gva)))
			flood_followed(way->table[0]);
	} else {
		m->vain_invlpg++;
	}
	/* Of what settle() looks at, a leaf alone can have changed what is narrowed, and no more. */
	if (unlikely(m->reach_queue[REACH_NARROWED])) {
		settle(v);
	} else {
		m->in_operation = false;
		say_hardware(v);
	}
	if (unlikely(v->hw.due | m->stale_ways)) {
		need_flush_gva(v, gva);
		drop_stale_ways(m);
	}
	return true;
}

bool mmu_invlpg_straight(struct mmu_vcpu *v, u64 gva)
{
	struct mmu *m = v->mmu;

	if (unlikely(is_waiting(v) ||
		     (m->upper_unsync | m->soft_traps | m->stale_ways | v->hw.due)))
		return false;
	/* A way is remembered of four levels or five alone. */
	if (unlikely(!follow_quickly(v, gva)))
		return follow_leaf(v, gva);
	/* While some table is out of sync, what the hardware runs with is the same before and after. */
	m->vain_invlpg = 0;
	begin(v);
	return true;
}
