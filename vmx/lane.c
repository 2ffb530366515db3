/* SPDX-License-Identifier: MIT */
/* After an exit: the lane that it has (guest/exit/lane.h), with the few fields that it needs; or the general way. */
#include "guest/exit/lane.h"

#include "arch/cpu.h"
#include "vmx/vmx.h"

/* Each a jump from vmx_exited(), which needs no frame. */
#define LANE __attribute__((noinline))

/* Nothing but the next instruction follows, which is at *next. */
static inline bool is_straight(u64 *next)
{
	*next = vmread(VMCS_GUEST_RIP) + vmread(VMCS_EXIT_INSN_LEN);
	if (unlikely(vmread(VMCS_GUEST_INTERRUPTIBILITY) &
		     (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS)))
		return false;
	return lane_is_straight(*next, vmread(VMCS_GUEST_RFLAGS));
}

/* In code that is not conforming, CPL is its segment's: SDM vol. 3A 5.8.1.1. */
static inline bool is_kernels_64bit_code(void)
{
	u32 attr = vmread(VMCS_GUEST_ES_ATTR + 2 * SEG_CS);

	return (attr & (SEG_ATTR_L | SEG_ATTR_DPL_MASK | SEG_ATTR_CONFORMING)) == SEG_ATTR_L;
}

static inline u32 go_on(struct vcpu *v, u64 next)
{
	vmwrite(VMCS_GUEST_RIP, next);
	return to_vmx(v)->next;
}

static LANE u32 exit_cpuid(struct vcpu *v)
{
	u64 next;

	if (unlikely(!is_straight(&next)))
		return vmx_general_exit(v, EXIT_CPUID);
	lane_cpuid(v);
	return go_on(v, next);
}

/* SDM vol. 3C table 28-3: MOV to CR3, MOV from CR3, of another register than RSP, which is the VMCS's. */
static LANE u32 exit_cr(struct vcpu *v)
{
	enum { TO_CR3 = 3, FROM_CR3 = 0x13 };
	u32 qualification = vmread(VMCS_EXIT_QUALIFICATION), what = qualification & 0x3f;
	u32 gpr = qualification >> 8 & 0xf;
	u64 next;

	if (unlikely(!is_straight(&next) || gpr == RSP || !is_kernels_64bit_code()))
		return vmx_general_exit(v, EXIT_CR);
	if (what == TO_CR3 && lane_cr3_write(v, v->gpr[gpr])) {
		vmwrite(VMCS_GUEST_CR3, v->root);
		vmx_flush_vpid(to_vmx(v));
		return go_on(v, next);
	}
	if (what == FROM_CR3 && lane_cr3_read(v, &v->gpr[gpr]))
		return go_on(v, next);
	return vmx_general_exit(v, EXIT_CR);
}

/* How an exit tells a #PF of the guest's code: with an error code, and no IRET that has ended NMI blocking. */
#define INFO_PF                                           \
	(EVENT_INFO_VALID | BIT(EVENT_INFO_ERROR_SHIFT) | \
	 (u32)EVENT_EXCEPTION << EVENT_INFO_TYPE_SHIFT | (u32)VEC_PF)

/*
 * The instruction at RIP is 64-bit code, and completes alone: no breakpoint is set, and it ends no interrupt shadow.
 * That DR7 enables nothing is most often known: vmx_dr7().
 */
static inline bool is_plain(struct vcpu *v)
{
	return (vmread(VMCS_GUEST_ES_ATTR + 2 * SEG_CS) & SEG_ATTR_L) &&
	       !(vmread(VMCS_GUEST_INTERRUPTIBILITY) &
		 (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS)) &&
	       (likely(to_vmx(v)->proc & PROC_MOV_DR) || !(vmx_dr7(v) & DR7_ENABLED));
}

static LANE u32 exit_fault(struct vcpu *v)
{
	struct mmu_straight w;
	u64 gva, rflags;

	if (unlikely((u32)vmread(VMCS_EXIT_INTR_INFO) != INFO_PF ||
		     (vmread(VMCS_IDT_VECTORING_INFO) & EVENT_INFO_VALID)))
		return vmx_general_exit(v, EXIT_EXCEPTION_NMI);
	gva = vmread(VMCS_EXIT_QUALIFICATION);
	v->rip = vmread(VMCS_GUEST_RIP);
	v->rflags = rflags = vmread(VMCS_GUEST_RFLAGS);
	/* See lane_is_straight(). */
	if (unlikely(v->rip >> 32 == 1))
		return vmx_general_exit(v, EXIT_EXCEPTION_NMI);
	switch (lane_fault(v, gva, (u32)vmread(VMCS_EXIT_ERROR_CODE), &w)) {
	case MMU_NOT_STRAIGHT:
		return vmx_general_exit(v, EXIT_EXCEPTION_NMI);
	case MMU_STRAIGHT_WRITE:
		if (unlikely(!is_plain(v) || !lane_table_write(v, gva, &w)))
			return vmx_general_exit(v, EXIT_EXCEPTION_NMI);
		vmwrite(VMCS_GUEST_RIP, v->rip);
		break;
	case MMU_STRAIGHT_OWN:
		vmx_set_cr2(v, gva);
		vmwrite(VMCS_ENTRY_ERROR_CODE, w.pfec);
		vmwrite(VMCS_ENTRY_INTR_INFO, INFO_PF);
		break;
	case MMU_STRAIGHT_MENDED:
		break;
	}
	if (v->rflags != rflags)
		vmwrite(VMCS_GUEST_RFLAGS, v->rflags);
	return to_vmx(v)->next;
}

/* The first exit, after VMLAUNCH, finds no lane open. */
u32 vmx_exited(struct vcpu *v)
{
	u64 reason = vmread(VMCS_EXIT_REASON);

	if (likely(lanes_open(v)) && !to_vmx(v)->nmi_waiting) {
		if (reason == EXIT_EXCEPTION_NMI)
			return exit_fault(v);
		if (reason == EXIT_CR)
			return exit_cr(v);
		if (reason == EXIT_CPUID)
			return exit_cpuid(v);
	}
	return vmx_general_exit(v, reason);
}
