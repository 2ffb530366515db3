/* SPDX-License-Identifier: MIT */
/* What the hardware runs with follows what the shadow MMU has decided. */
#include "guest/vcpu/hardware.h"

#include "arch/cpu.h"
#include "guest/machine/machine.h"
#include "guest/machine/report.h"

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

static enum pf_filter filter_of(const struct mmu_hw *hw)
{
	if (hw->filter_user)
		return PF_FILTER_USER;
	return hw->filter_present ? PF_FILTER_PRESENT : PF_FILTER_ALL;
}

void commit_hardware(struct vcpu *v)
{
	struct mmu_hw *hw = &v->mmu.hw;

	/* With nested paging these never change. */
	if (hw->reload_root) {
		hw->reload_root = false;
		v->ops->set_root(v, hw->root);
	}
	if (hw->exit_invlpg != v->invlpg_exiting) {
		v->invlpg_exiting = hw->exit_invlpg;
		v->ops->set_invlpg_exiting(v, hw->exit_invlpg);
	}
	if (hw->filter_present != v->filter_present || hw->filter_user != v->filter_user) {
		count_filter(v);
		count(&v->counters, filter_changes);
		v->filter_present = hw->filter_present;
		v->filter_user = hw->filter_user;
		v->ops->set_pf_filter(v, filter_of(hw));
	}
	if (hw->flush == MMU_FLUSH_ALL) {
		count(&v->counters, tlb_flush);
		v->ops->flush_all(v);
	} else if (hw->flush == MMU_FLUSH_GVA) {
		flush_gva(v, hw->flush_gva);
	}
	hw->flush = MMU_FLUSH_NONE;
	hw->due = false;
}
