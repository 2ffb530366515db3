/* SPDX-License-Identifier: MIT */
/* INVLPG, where it exits: while some table is out of sync, or its coming has to be seen. */
#include "mm/shadow/memo.h"

/* INVLPG exits in a row, none for a table out of sync, that are too many: then all are synced again. */
#define VAIN_INVLPG_MAX 8

/* One more, and it begins an operation. */
static inline void begin(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;

	count(v->counters, invlpg);
	if (++m->invlpgs == 0)
		m->invlpgs = 1;
	m->ask_invlpg = false;
	m->work = 0;
	op_begin(m);
}

void mmu_invlpg(struct mmu_vcpu *v, u64 gva)
{
	struct mmu *m = v->mmu;

	begin(v);
	need_flush_gva(v, gva);
	if (unlikely(m->upper_unsync))
		resync_all(v, true);
	if (resync_gva(v, gva))
		m->vain_invlpg = 0;
	else if (++m->vain_invlpg >= VAIN_INVLPG_MAX)
		resync_some(v);
	settle(v);
}

/* Bring the leaf of an address up to date, in this table out of sync. */
static ALWAYS_INLINE void follow_leaf(struct mmu_vcpu *v, u32 table, u64 gva)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[table];
	slot_t slot = slot_make(table, spt_index(1, gva));
	bool changed;

	if (likely(is_common(s->role)))
		changed = common_sync(v, s, slot,
				      gpte_read(s->gfn, GPTE_64, slot_entry(slot)),
				      empty_entry(m, s->role, false));
	else
		changed = entry_sync(v, slot);
	if (changed)
		flood_followed(s);
}

bool mmu_invlpg_straight(struct mmu_vcpu *v, u64 gva)
{
	struct mmu *m = v->mmu;
	const struct mmu_way *way;

	if (unlikely(!v->cr3_role || is_waiting(v) ||
		     (m->upper_unsync | m->soft_traps | v->hw.due) ||
		     m->vain_invlpg + 1 >= VAIN_INVLPG_MAX))
		return false;
	memo_begin(v);
	begin(v);
	way = recall_way(v, gva);
	if (likely(way && table_is_unsync(m, way->table[0]))) {
		m->vain_invlpg = 0;
		follow_leaf(v, way->table[0], gva);
		m->in_operation = false;
	} else {
		m->vain_invlpg++;
		m->in_operation = false;
		say_hardware(v);
	}
	/* Of what settle() looks at, a leaf alone can have changed what is narrowed, and no more. */
	if (unlikely(m->reach_queue[REACH_NARROWED]))
		settle(v);
	if (unlikely(v->hw.due))
		need_flush_gva(v, gva);
	return true;
}
