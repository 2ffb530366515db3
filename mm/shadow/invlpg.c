/* SPDX-License-Identifier: MIT */
/* INVLPG, where it exits: while some table is out of sync, or its coming has to be seen. */
#include "mm/shadow/settle.h"

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

/* The entry of level 1 on the way to an address; 0: the way ends before. Four levels or five. */
static inline slot_t find_leaf(const struct mmu_vcpu *v, u64 gva)
{
	const struct mmu *m = v->mmu;
	u32 index = v->root;

	for (int level = m->shadows[index].role.level; level > 1; level--) {
		u64 spte = *spte_at(m, slot_make(index, spt_index(level, gva)));

		if (!spte_is_link(level, spte))
			return 0;
		index = spte_child(m, spte);
	}
	return slot_make(index, spt_index(1, gva));
}

bool mmu_invlpg_straight(struct mmu_vcpu *v, u64 gva)
{
	struct mmu *m = v->mmu;
	slot_t slot;

	if (unlikely(!v->cr3_role ||
		     (m->orphans.first | m->reach_queue[REACH_SOFT] |
		      m->reach_queue[REACH_NARROWED] | v->nr_lent) ||
		     (m->upper_unsync | m->soft_traps | v->hw.due) ||
		     m->vain_invlpg + 1 >= VAIN_INVLPG_MAX))
		return false;
	begin(v);
	slot = find_leaf(v, gva);
	if (slot && table_is_unsync(m, slot_table(slot))) {
		m->vain_invlpg = 0;
		if (entry_sync(v, slot))
			flood_followed(shadow_at(m, slot));
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
	if (unlikely(v->hw.due))
		need_flush_gva(v, gva);
	return true;
}
