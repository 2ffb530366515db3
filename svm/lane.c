/* SPDX-License-Identifier: MIT */
/* Which exits have a lane: guest/exit/lane.h. Only where the CPU tells what the next instruction is. */
#include "guest/exit/lane.h"

#include "arch/cpu.h"
#include "svm/svm.h"

/* A MOV of CR3, of another register than RSP, which is the VMCB's. */
static bool lane_cr3_exit(struct vcpu *v, bool write)
{
	const struct svm_vcpu *svm = to_svm(v);
	u64 info = svm->vmcb.exit_info_1;
	u64 *gpr = &v->gpr[info & 0xf];

	if (unlikely(!svm->caps.cr_operand || !(info & EXIT_CR_IS_MOV) || gpr == &v->gpr[RSP] ||
		     svm->vmcb.cpl || !(svm->vmcb.cs.attr & VMCB_SEG_L)))
		return false;
	if (!write)
		return lane_cr3_read(v, gpr);
	if (!lane_cr3_write(v, *gpr))
		return false;
	svm_set_root(v, v->root);
	svm_flush_all(v);
	return true;
}

bool svm_lane(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb *vmcb = &svm->vmcb;

	/* A CR3 that is not the one that the CPU was given is a matter for check_cr3(). */
	if (unlikely(!svm->caps.next_rip || vmcb->interrupt_shadow || vmcb->cr3 != svm->cr3 ||
		     !lane_is_straight(vmcb->next_rip, vmcb->rflags)))
		return false;
	v->gpr[RAX] = vmcb->rax;
	switch (vmcb->exit_code) {
	case SVM_EXIT_CPUID:
		lane_cpuid(v);
		break;
	case SVM_EXIT_CR_WRITE + 3:
		if (!lane_cr3_exit(v, true))
			return false;
		break;
	case SVM_EXIT_CR_READ + 3:
		if (!lane_cr3_exit(v, false))
			return false;
		break;
	default:
		return false;
	}
	vmcb->rax = v->gpr[RAX];
	vmcb->rip = vmcb->next_rip;
	svm->entry_rip = vmcb->rip;
	svm->injected = false;
	return true;
}
