/* SPDX-License-Identifier: MIT */
/* Lending, for CR0.WP=0: wp0.h. */
#include "mm/shadow/settle.h"

void mmu_lend(struct mmu_vcpu *v, const struct mmu_fault *fault)
{
	struct walk w = {.by_hardware = true};

	if (v->nr_lent == MMU_LENT_MAX)
		mmu_take_back(v);
	op_begin(v->mmu);
	walk(v, fault, &w);
	/* Anything but what mmu_fault() found: the guest runs the instruction again, and it will tell. */
	if (!w.fault && !frame_is_tracked(frame_of(v->mmu, w.gpa >> PAGE_SHIFT)))
		map_walked(v, &(struct descent){0}, &w, fault, true);
	settle(v);
}

void mmu_take_back(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;

	if (!v->nr_lent)
		return;
	op_begin(m);
	while (v->nr_lent) {
		slot_t slot = v->lent[--v->nr_lent];
		u64 spte = *spte_at(m, slot);

		/* The entry may say something else by now, and the table be another. */
		if (spte_is_present(spte, m->trap_bits) && (spte & SPTE_LENT))
			entry_trap(m, slot);
	}
	need_flush(m);
	settle(v);
}
