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

/* What a lane leaves; RSP is the VMCB's all along. */
static void load_guest(struct vcpu *v, u64 rip)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->vmcb.rax = v->gpr[RAX];
	svm->vmcb.rip = rip;
	svm->entry_rip = rip;
	svm->injected = svm->event_pending;
}

/* The instruction at RIP is 64-bit code, and completes alone: no breakpoint is set. */
static bool is_plain(struct vcpu *v)
{
	return (svm_seg_attr(v, SEG_CS) & SEG_ATTR_L) && !(to_svm(v)->vmcb.dr7 & DR7_ENABLED);
}

/* #PF, where nothing else is under way. */
static bool lane_pf_exit(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb *vmcb = &svm->vmcb;
	u64 gva = vmcb->exit_info_2;
	struct mmu_straight w;

	if (unlikely(vmcb->interrupt_shadow || vmcb->cr3 != svm->cr3 ||
		     (vmcb->exit_int_info & EVENT_INFO_VALID)))
		return false;
	v->gpr[RAX] = vmcb->rax;
	v->rip = vmcb->rip;
	v->rflags = vmcb->rflags;
	switch (lane_unfiltered_fault(v, gva, (u32)vmcb->exit_info_1, &w)) {
	case MMU_NOT_STRAIGHT:
		return false;
	case MMU_STRAIGHT_WRITE:
		if (!is_plain(v) || !lane_table_write(v, gva, &w))
			return false;
		break;
	case MMU_STRAIGHT_OWN:
		svm_set_cr2(v, gva);
		svm_inject(v, &(struct event){.type = EVENT_EXCEPTION,
					      .vector = VEC_PF,
					      .has_error = true,
					      .error = w.pfec});
		break;
	case MMU_STRAIGHT_MENDED:
		break;
	}
	vmcb->rflags = v->rflags;
	load_guest(v, v->rip);
	return true;
}

bool svm_lane(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb *vmcb = &svm->vmcb;

	if (vmcb->exit_code == SVM_EXIT_EXCEPTION + VEC_PF)
		return lane_pf_exit(v);
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
	load_guest(v, vmcb->next_rip);
	return true;
}
