/* SPDX-License-Identifier: MIT */
/* Page faults that reached the hypervisor. */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/exits.h"

void access_context(struct vcpu *v, struct mmu_fault *fault)
{
	struct segment ss;

	if (v->machine->nested)
		follow_paging_regs(v);
	fault->ac = false;
	fault->pkru = 0;
	if ((v->mmu.regs.cr4 & CR4_SMAP) && (v->rflags & RFLAGS_AC)) {
		v->ops->get_seg(v, SEG_SS, &ss);
		fault->ac = SEG_ATTR_DPL(ss.attr) != 3;
	}
	if (v->mmu.regs.cr4 & CR4_PKE)
		fault->pkru = rdpkru();
}

static void sort_out(struct vcpu *v, const struct vmexit *exit)
{
	struct mmu_fault fault = {.gva = exit->pf.gva, .pfec = exit->pf.error};

	access_context(v, &fault);
	switch (mmu_fault(&v->mmu, &fault)) {
	case MMU_RETRY:
		reinject(v, &exit->vectoring);
		break;
	case MMU_GUEST_FAULT:
		inject_pf(v, fault.gva, fault.guest_pfec, &exit->vectoring);
		break;
	case MMU_TABLE_WRITE:
		if (exit->vectoring.type == EVENT_NONE) {
			emulate_table_write(v, &fault);
		} else {
			/* A stack that is a page table: the CPU itself is writing. */
			mmu_let_unsync(&v->mmu, fault.gpa);
			reinject(v, &exit->vectoring);
		}
		break;
	}
}

void handle_page_fault(struct vcpu *v, const struct vmexit *exit)
{
	/* P alone will not do: one emulator leaves it clear in reserved-bit faults. */
	if (v->filter_present && !(exit->pf.error & (PFEC_P | PFEC_RSVD))) {
		inject_pf(v, exit->pf.gva, mmu_own_fault(&v->mmu, exit->pf.error),
			  &exit->vectoring);
		return;
	}
	sort_out(v, exit);
	update_hardware(v);
}

void handle_invlpg(struct vcpu *v, const struct vmexit *exit)
{
	mmu_invlpg(&v->mmu, exit->gva);
	insn_skip(v, exit);
}
