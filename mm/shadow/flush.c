/* SPDX-License-Identifier: MIT */
/* What the hardware must forget before the guest runs again: struct mmu_hw; and which roots are no recent ones. */
#include "mm/shadow/tables.h"

void need_flush(struct mmu *m)
{
	for (u32 i = 0; i < m->nr_vcpus; i++) {
		m->vcpu[i]->hw.flush = MMU_FLUSH_ALL;
		m->vcpu[i]->hw.due = true;
	}
	m->stale_writable = false;
	m->stale_ways = false;
}

static void forget_roots(struct mmu *m, struct mmu_recent *recent)
{
	for (u32 i = 0; i < MMU_RECENT; i++) {
		m->shadows[recent[i].root].recent = false;
		recent[i].cr3 = 0;
	}
}

void forget_recent(struct mmu *m)
{
	for (u32 k = 0; k < m->nr_vcpus; k++) {
		forget_roots(m, m->vcpu[k]->recent[false]);
		forget_roots(m, m->vcpu[k]->recent[true]);
	}
	m->recents = false;
}

void need_flush_gva(struct mmu_vcpu *v, u64 gva)
{
	if (v->hw.flush == MMU_FLUSH_GVA && v->hw.flush_gva != gva)
		v->hw.flush = MMU_FLUSH_ALL;
	if (v->hw.flush == MMU_FLUSH_NONE) {
		v->hw.flush = MMU_FLUSH_GVA;
		v->hw.flush_gva = gva;
	}
	v->hw.due = true;
}
