/* SPDX-License-Identifier: MIT */
/* Which exits have a lane: guest/exit/lane.h. Only where the CPU tells what the next instruction is. */
#include "guest/exit/lane.h"

#include "arch/cpu.h"
#include "svm/svm.h"

/* Where an exit's register is: RAX and RSP are the VMCB's. */
static inline u64 *gpr_of(struct vcpu *v, u32 gpr)
{
	struct vmcb *vmcb = &to_svm(v)->vmcb;

	return gpr == RAX ? &vmcb->rax : gpr == RSP ? &vmcb->rsp : &v->gpr[gpr];
}

/* The kernel's MOV of CR3 that the CPU tells the register of. Emulated ones do not all look at CPL first. */
static inline bool is_plain_cr3(const struct svm_vcpu *svm)
{
	return svm->caps.cr_operand && (svm->vmcb.exit_info_1 & EXIT_CR_IS_MOV) && !svm->vmcb.cpl;
}

/* See lane_is_same(). */
static inline bool is_same(const struct vcpu *v, u64 value)
{
	const struct vmcb *vmcb = &to_svm(v)->vmcb;

	return likely(lane_is_same(vmcb->next_rip, value)) ||
	       (guest_in_long_mode(v) && (vmcb->cs.attr & VMCB_SEG_L));
}

static bool cr3_write(struct vcpu *v)
{
	const struct svm_vcpu *svm = to_svm(v);
	u64 value = *gpr_of(v, svm->vmcb.exit_info_1 & 0xf);

	if (unlikely(!is_plain_cr3(svm) || !is_same(v, value)))
		return false;
	if (!lane_cr3_write(v, value) && !lane_cr3_write_other(v, value))
		return false;
	svm_set_root(v, v->mmu.hw.root);
	svm_flush_all(v);
	return true;
}

/* RAX and RSP are the VMCB's all along. */
static void go_on(struct vcpu *v, u64 rip)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->vmcb.rip = rip;
	svm->entry_rip = rip;
	svm->injected = svm->event_pending;
}

/* The instruction at RIP is 64-bit code, as all is at a negative address, and completes alone: no breakpoint is set. */
static bool is_plain(struct vcpu *v)
{
	return ((s64)v->rip < 0 || (svm_seg_attr(v, SEG_CS) & SEG_ATTR_L)) &&
	       !(to_svm(v)->vmcb.dr7 & DR7_ENABLED);
}

/* #PF, where nothing else is under way. */
static bool exit_fault(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb *vmcb = &svm->vmcb;
	u64 gva = vmcb->exit_info_2;
	struct mmu_straight w;

	if (unlikely(vmcb_in_shadow(vmcb) || vmcb->cr3 != svm->cr3 ||
		     (vmcb->exit_int_info & EVENT_INFO_VALID)))
		return false;
	v->gpr[RAX] = vmcb->rax;
	v->rip = vmcb->rip;
	v->rflags = vmcb->rflags;
	switch (lane_fault(v, gva, (u32)vmcb->exit_info_1, &w)) {
	case MMU_NOT_STRAIGHT:
		return false;
	case MMU_STRAIGHT_WRITE:
		if (!is_plain(v) || !lane_table_write(v, gva, &w))
			return false;
		vmcb->rax = v->gpr[RAX];
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
	lane_commit(v);
	vmcb->rflags = v->rflags;
	go_on(v, v->rip);
	return true;
}

static bool cr3_read(struct vcpu *v)
{
	const struct svm_vcpu *svm = to_svm(v);

	if (unlikely(!is_plain_cr3(svm) || !is_same(v, v->mmu.regs.cr3)))
		return false;
	*gpr_of(v, svm->vmcb.exit_info_1 & 0xf) = lane_cr3_read(v);
	return true;
}

static bool exit_invlpg(struct vcpu *v)
{
	const struct svm_vcpu *svm = to_svm(v);

	return svm->caps.invlpg_gva && !svm->vmcb.cpl &&
	       lane_invlpg(v, svm->vmcb.exit_info_1, svm_flush_gva);
}

static void exit_cpuid(struct vcpu *v)
{
	struct vmcb *vmcb = &to_svm(v)->vmcb;

	v->gpr[RAX] = vmcb->rax;
	lane_cpuid(v);
	vmcb->rax = v->gpr[RAX];
}

bool svm_lane(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb *vmcb = &svm->vmcb;

	if (vmcb->exit_code == SVM_EXIT_EXCEPTION + VEC_PF)
		return exit_fault(v);
	/* A CR3 that is not the one that the CPU was given is a matter for check_cr3(). */
	if (unlikely(!svm->caps.next_rip || vmcb_in_shadow(vmcb) || vmcb->cr3 != svm->cr3 ||
		     !lane_is_straight(vmcb->rflags) || !is_same(v, 0)))
		return false;
	switch (vmcb->exit_code) {
	case SVM_EXIT_CPUID:
		exit_cpuid(v);
		break;
	case SVM_EXIT_CR_WRITE + 3:
		if (!cr3_write(v))
			return false;
		break;
	case SVM_EXIT_CR_READ + 3:
		if (!cr3_read(v))
			return false;
		break;
	case SVM_EXIT_INVLPG:
		if (!exit_invlpg(v))
			return false;
		break;
	default:
		return false;
	}
	go_on(v, vmcb->next_rip);
	return true;
}
