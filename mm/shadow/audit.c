/* SPDX-License-Identifier: MIT */
/*
 * The audit: the invariants of the shadow MMU (docs/mmu.md), checked over every table. It trusts nothing that
 * the code it checks has derived, but the guest's own tables and the lists' ends.
 */
#include "mm/shadow/audit.h"

static bool is_lent(const struct mmu *m, slot_t slot)
{
	for (u32 k = 0; k < m->nr_vcpus; k++) {
		for (u32 i = 0; i < m->vcpu[k]->nr_lent; i++) {
			if (m->vcpu[k]->lent[i] == slot)
				return true;
		}
	}
	return false;
}

static void check_table(struct audit *a, u32 index)
{
	const struct mmu *m = a->v->mmu;
	const struct shadow *s = &m->shadows[index];
	u32 present = 0;

	audit_entries(a, index);
	for (u32 i = 0; i < SPT_ENTRIES; i++) {
		slot_t slot = slot_make(index, i);
		u64 spte = table_of(m, index)[i];

		if (!spte)
			continue;
		audit_if(a, !(s->lines & line_bit(slot)), slot,
			 "an entry is in a line that is said to be zero (invariant 20)");
		if (!spte_is_present(spte, m->trap_bits))
			continue;
		present++;
		audit_if(a, !(s->live & line_bit(slot)), slot,
			 "an entry is in a line that is said to have none present (invariant 20)");
		audit_if(a, (spte & SPTE_LENT) && !is_lent(m, slot), slot,
			 "an entry is lent to nobody");
	}
	audit_if(a, present != s->present, slot_make(index, 0),
		 "the number of present entries is wrong");
	/* A PAE root's own page is in no such list. */
	audit_if(a,
		 !(s->role.direct && s->role.level == 3) &&
			 shadow_find(m, s->gfn, s->role) != index,
		 slot_make(index, 0), "the table is not found by its frame and role");
	audit_counts(a, index);
}

/* Invariants 15 and 21: what the hardware was last told is still so. */
static void check_filter(struct audit *a)
{
	const struct mmu_vcpu *v = a->v;
	const struct mmu *m = v->mmu;
	const struct reach *reach = m->shadows[v->root].reach;

	audit_if(a,
		 v->hw.filter_present && (!m->bypass || m->upper_unsync || v->nr_lent ||
					  m->reach_queue[REACH_SOFT] || reach[REACH_SOFT].nr),
		 slot_make(v->root, 0),
		 "not-present faults bypass that may be the hypervisor's (invariant 15)");
	audit_if(a,
		 v->hw.filter_user && (!v->hw.filter_present || m->nr_unsync ||
				       !(v->regs.cr0 & CR0_WP) || v->mode == PAGING_OFF ||
				       m->reach_queue[REACH_NARROWED] || reach[REACH_NARROWED].nr),
		 slot_make(v->root, 0),
		 "a user's faults bypass that may be the hypervisor's (invariant 21)");
}

u32 audit(struct audit *a)
{
	const struct mmu *m = a->v->mmu;

	count(a->v->counters, mmu_audit);
	audit_lists(a);
	check_filter(a);
	for (u32 index = m->lru.first; index; index = m->shadows[index].list_next)
		check_table(a, index);
	for (u32 index = m->orphans.first; index; index = m->shadows[index].list_next)
		check_table(a, index);
	audit_frames(a);
	audit_memos(a);
	audit_if(a, a->links != a->parents, 0, "a child does not know all its parents");
	audit_if(a, a->leaves != a->maps, 0, "a leaf that is listed is not in its reverse map");
	audit_if(a, a->waiting != a->queued, 0, "a table waits to tell its parents, in no queue");
	return a->violations;
}

u32 mmu_audit(struct mmu_vcpu *v)
{
	struct audit a = {.v = v};

	return audit(&a);
}
