/* SPDX-License-Identifier: MIT */
/*
 * The guest's paging registers under nested paging. The guest changes them without an exit; what is walked
 * in software, to read an instruction, goes by registers taken over just before.
 */
#include "guest/vcpu/hardware.h"

void follow_paging_regs(struct vcpu *v)
{
	struct paging_regs r = v->mmu.regs;

	r.cr0 = v->ops->get_cr(v, 0);
	r.cr3 = v->ops->get_cr(v, 3);
	r.cr4 = v->ops->get_cr(v, 4);
	if (paging_mode(&r) == PAGING_PAE) {
		if (v->ops->get_pdptes)
			v->ops->get_pdptes(v, r.pdpte);
		else
			mmu_read_pdptes(&v->mmu, r.cr3, r.pdpte);
	}
	mmu_follow_regs(&v->mmu, &r);
}

void load_nested_regs(struct vcpu *v, const struct paging_regs *regs)
{
	v->ops->set_root(v, regs->cr3);
	if (v->ops->set_pdptes)
		v->ops->set_pdptes(v, regs->pdpte);
	mmu_follow_regs(&v->mmu, regs);
	/* As the MOV to CR0, CR4 or EFER would have done itself. */
	v->mmu.hw.flush = MMU_FLUSH_ALL;
	v->mmu.hw.due = true;
}
