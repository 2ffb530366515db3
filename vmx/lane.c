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

/* The first exit, after VMLAUNCH, finds no lane open. */
u32 vmx_exited(struct vcpu *v)
{
	u64 reason = vmread(VMCS_EXIT_REASON);

	if (likely(lanes_open(v)) && !to_vmx(v)->nmi_waiting) {
		if (reason == EXIT_CR)
			return exit_cr(v);
		if (reason == EXIT_CPUID)
			return exit_cpuid(v);
	}
	return vmx_general_exit(v, reason);
}
