/* SPDX-License-Identifier: MIT */
/* What the hardware runs with follows what the shadow MMU has decided. */
#include "guest/vcpu/hardware.h"

#include "arch/cpu.h"
#include "guest/machine/machine.h"

static void flush_gva(struct vcpu *v, u64 gva)
{
	/* The hypervisor has four levels: no instruction of its own names an address that needs five. */
	if (unlikely(!is_canonical(gva, 48))) {
		count(&v->counters, tlb_flush);
		v->ops->flush_all(v);
		return;
	}
	count(&v->counters, tlb_flush_gva);
	v->ops->flush_gva(v, gva);
}

/* With shadow paging alone; with nested paging there is nothing that could change. */
static void update_shadow(struct vcpu *v)
{
	struct mmu_vcpu *mmu = &v->mmu;
	u64 root = mmu_root(mmu);
	bool invlpg = mmu_unsynced(mmu->mmu), filter = mmu_filter_present(mmu);

	if (root != v->root || mmu->reload_root) {
		v->root = root;
		mmu->reload_root = false;
		v->ops->set_root(v, root);
	}
	if (invlpg != v->invlpg_exiting) {
		v->invlpg_exiting = invlpg;
		v->ops->set_invlpg_exiting(v, invlpg);
	}
	if (filter != v->filter_present) {
		v->filter_present = filter;
		v->ops->set_pf_filter(v, filter ? PF_FILTER_PRESENT : PF_FILTER_ALL);
	}
}

void update_hardware(struct vcpu *v)
{
	struct mmu_vcpu *mmu = &v->mmu;

	if (likely(!v->machine->nested))
		update_shadow(v);
	if (mmu->flush == MMU_FLUSH_ALL) {
		count(&v->counters, tlb_flush);
		v->ops->flush_all(v);
	} else if (mmu->flush == MMU_FLUSH_GVA) {
		flush_gva(v, mmu->flush_gva);
	}
	mmu->flush = MMU_FLUSH_NONE;
}
