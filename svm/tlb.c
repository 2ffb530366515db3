/* SPDX-License-Identifier: MIT */
/* Dropping the guest's translations: APM vol. 2 15.16. */
#include "arch/insn.h"
#include "svm/svm.h"

/* Without a flush of one ASID a fresh one does the same, until all are used up. */
void svm_flush_all(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb *vmcb = &svm->vmcb;

	if (svm->caps.flush_by_asid) {
		vmcb->tlb_control = TLB_FLUSH_ASID;
		return;
	}
	if (++vmcb->asid == svm->caps.asids) {
		vmcb->asid = 1; /* 0 is the hypervisor's own */
		vmcb->tlb_control = TLB_FLUSH_ALL;
	}
	svm_dirty(svm, CLEAN_ASID);
}

void svm_flush_gva(struct vcpu *v, u64 gva)
{
	__asm__ volatile("invlpga %0, %1" : : "a"(gva), "c"(to_svm(v)->vmcb.asid) : "memory");
}
