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

void forget_recent(struct mmu *m)
{
	for (u32 k = 0; k < m->nr_vcpus; k++) {
		for (u32 i = 0; i < MMU_RECENT; i++) {
			struct mmu_recent *r = &m->vcpu[k]->recent[i];

			m->shadows[r->root].recent = false;
			r->cr3 = 0;
		}
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
