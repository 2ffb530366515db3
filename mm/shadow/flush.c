/* SPDX-License-Identifier: MIT */
/* What the hardware must forget before the guest runs again: struct mmu_vcpu's flush. */
#include "mm/shadow/types.h"

void need_flush(struct mmu *m)
{
	for (u32 i = 0; i < m->nr_vcpus; i++)
		m->vcpu[i]->flush = MMU_FLUSH_ALL;
	m->stale_writable = false;
}

void need_flush_gva(struct mmu_vcpu *v, u64 gva)
{
	if (v->flush == MMU_FLUSH_GVA && v->flush_gva != gva)
		v->flush = MMU_FLUSH_ALL;
	if (v->flush == MMU_FLUSH_NONE) {
		v->flush = MMU_FLUSH_GVA;
		v->flush_gva = gva;
	}
}
