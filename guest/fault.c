/* SPDX-License-Identifier: MIT */
/* Page faults that reached the hypervisor. */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/exits.h"

void access_context(struct vcpu *v, struct mmu_fault *fault)
{
	struct segment ss;

	fault->ac = false;
	fault->pkru = 0;
	if ((v->mmu.regs.cr4 & CR4_SMAP) && (v->rflags & RFLAGS_AC)) {
		v->ops->get_seg(v, SEG_SS, &ss);
		fault->ac = SEG_ATTR_DPL(ss.attr) != 3;
	}
	if (v->mmu.regs.cr4 & CR4_PKE)
		fault->pkru = rdpkru();
}

void handle_page_fault(struct vcpu *v, const struct vmexit *exit)
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

void handle_invlpg(struct vcpu *v, const struct vmexit *exit)
{
	mmu_invlpg(&v->mmu, exit->gva);
	insn_skip(v, exit);
}
