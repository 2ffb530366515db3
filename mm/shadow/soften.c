/* SPDX-License-Identifier: MIT */
/*
 * Fewer soft traps (reach.c): while a root reaches one, each not-present fault of the guest's own exits, and such an
 * exit pays for what lets the next ones stay away. Tables out of sync come back in sync; and where the guest's
 * entry only lacks A, that is set, as a CPU may that walks ahead of what it is told: ahead.c. The guest sees pages
 * in use that are not. So it is done where faults have shown to be many, for tables that this root reaches, and at
 * no other time: a guest that clears A bits to see which pages are in use finds them clear until some page is not
 * present.
 */
#include "mm/shadow/mirror.h"
#include "mm/shadow/settle.h"

static void set_accessed(struct mmu_vcpu *v, slot_t slot, const u64 *bad)
{
	const struct mmu *m = v->mmu;
	const struct shadow *s = shadow_at(m, slot);
	u64 gpte = gpte_read(s->gfn, s->role.format, slot_entry(slot));

	if ((gpte & (PTE_P | PTE_A)) != PTE_P || (gpte & bad[0]))
		return;
	if (guest_cmpxchg((s->gfn << PAGE_SHIFT) + slot_entry(slot) * sizeof(gpte), gpte,
			  gpte | PTE_A, sizeof(gpte)))
		entry_sync(v, slot);
}

static void soften_leaves(struct mmu_vcpu *v, u32 index)
{
	struct mmu *m = v->mmu;
	const struct shadow *s = &m->shadows[index];
	const u64 *bad = m->guest->reserved[gpte_kind(s->role.format, s->role.nxe, s->role.pse)][1];

	m->work += WORK_TABLE;
	if (s->role.direct || s->role.format == GPTE_32 || !frame_of(m, s->gfn))
		return;
	for (u32 i = 0; i < SPT_ENTRIES; i++) {
		if (!spte_is_soft(*spte_at(m, slot_make(index, i))))
			continue;
		m->work++;
		set_accessed(v, slot_make(index, i), bad);
	}
}

/* The tables below that have told of soft traps. */
static void soften_below(struct mmu_vcpu *v, u32 index)
{
	struct mmu *m = v->mmu;
	int level = m->shadows[index].role.level;

	if (level == 1) {
		soften_leaves(v, index);
		return;
	}
	m->work += WORK_TABLE;
	for (u32 i = 0; i < SPT_ENTRIES && may_work(m); i++) {
		u64 spte = *spte_at(m, slot_make(index, i));

		if (spte_is_link(level, spte) &&
		    m->shadows[spte_child(m, spte)].reach[REACH_SOFT].told)
			soften_below(v, spte_child(m, spte));
	}
}

void soften(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;
	union role leaves = {.level = 2, .format = m->shadows[v->root].role.format};

	/* Where upper levels have soft traps too, the root always reaches one. */
	if (!m->bypass || v->hw.filter_present || spte_is_soft(trap_entry(m, leaves)))
		return;
	if (m->soft_exits < m->bounds->soften_after) {
		m->soft_exits++;
		return;
	}
	if (m->sync != MMU_SYNC_NEVER)
		resync_some(v);
	if (!m->nr_unsync)
		soften_below(v, v->root);
}
