/* SPDX-License-Identifier: MIT */
/*
 * After an exit: the lane that it has (guest/exit/lane.h), with the few fields that it needs; or the general way.
 *
 * A lane asks for no privilege level: a CPU looks at that before it exits (SDM vol. 3C 26.1.1).
 */
#include "guest/exit/lane.h"

#include "arch/cpu.h"
#include "vmx/vmx.h"

/* Each a jump from vmx_exited(), which needs no frame. */
#define LANE __attribute__((noinline))

/* Nothing but the next instruction follows. */
static inline bool is_straight(void)
{
	return !(vmread_sure(VMCS_GUEST_INTERRUPTIBILITY) &
		 (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS)) &&
	       lane_is_straight(vmread_sure(VMCS_GUEST_RFLAGS));
}

static inline u64 next_rip(void)
{
	return vmread_sure(VMCS_GUEST_RIP) + vmread_sure(VMCS_EXIT_INSN_LEN);
}

static inline void go_on(u64 next)
{
	vmwrite_sure(VMCS_GUEST_RIP, next);
}

/* See lane_is_same(). */
static inline bool is_same(const struct vcpu *v, u64 next, u64 value)
{
	return likely(lane_is_same(next, value)) ||
	       (guest_in_long_mode(v) &&
		(vmread_sure(VMCS_GUEST_ES_ATTR + 2 * SEG_CS) & SEG_ATTR_L));
}

static LANE void exit_cpuid(struct vcpu *v)
{
	u64 next = next_rip();

	if (unlikely(!is_straight() || !is_same(v, next, 0))) {
		vmx_general_exit(v, EXIT_CPUID);
		return;
	}
	lane_cpuid(v);
	go_on(next);
}

/* MOV to CR3 is done but for the hardware's part. */
static inline void cr3_written(struct vcpu *v, u64 next)
{
	vmwrite_sure(VMCS_GUEST_CR3, v->mmu.hw.root);
	vmx_flush_vpid(to_vmx(v));
	go_on(next);
}

static LANE void cr3_write_other(struct vcpu *v, u64 value, u64 next)
{
	if (lane_cr3_write_other(v, value))
		cr3_written(v, next);
	else
		vmx_general_exit(v, EXIT_CR);
}

static inline void cr3_write(struct vcpu *v, u32 gpr, u64 next)
{
	u64 value = unlikely(gpr == RSP) ? vmread_sure(VMCS_GUEST_RSP) : v->gpr[gpr];

	if (!is_same(v, next, value))
		vmx_general_exit(v, EXIT_CR);
	else if (!lane_cr3_write(v, value))
		cr3_write_other(v, value, next);
	else
		cr3_written(v, next);
}

static inline void cr3_read(struct vcpu *v, u32 gpr, u64 next)
{
	if (!is_same(v, next, v->mmu.regs.cr3)) {
		vmx_general_exit(v, EXIT_CR);
		return;
	}
	if (unlikely(gpr == RSP))
		vmwrite_sure(VMCS_GUEST_RSP, lane_cr3_read(v));
	else
		v->gpr[gpr] = lane_cr3_read(v);
	go_on(next);
}

/* SDM vol. 3C table 28-3: MOV to CR3, MOV from CR3. Its bits 31:16 are LMSW's alone. */
static inline void exit_cr(struct vcpu *v, u32 qualification)
{
	enum { TO_CR3 = 3, FROM_CR3 = 0x13 };
	u32 what = (u8)qualification, gpr = qualification >> 8 & 0xf;
	u64 next = next_rip();

	if (likely(is_straight())) {
		if (what == TO_CR3) {
			cr3_write(v, gpr, next);
			return;
		}
		if (what == FROM_CR3) {
			cr3_read(v, gpr, next);
			return;
		}
	}
	vmx_general_exit(v, EXIT_CR);
}

/* How an exit tells an exception of the guest's code, other than of an IRET that has ended NMI blocking. */
#define INFO_UD (EVENT_INFO_VALID | (u32)EVENT_EXCEPTION << EVENT_INFO_TYPE_SHIFT | (u32)VEC_UD)
#define INFO_PF                                           \
	(EVENT_INFO_VALID | BIT(EVENT_INFO_ERROR_SHIFT) | \
	 (u32)EVENT_EXCEPTION << EVENT_INFO_TYPE_SHIFT | (u32)VEC_PF)

/*
 * The instruction at RIP is 64-bit code, and completes alone: no breakpoint is set, and it ends no interrupt shadow.
 * That DR7 enables nothing is most often known: vmx_dr7().
 */
static inline bool is_plain(struct vcpu *v)
{
	return ((s64)v->rip < 0 || (vmread_sure(VMCS_GUEST_ES_ATTR + 2 * SEG_CS) & SEG_ATTR_L)) &&
	       !(vmread_sure(VMCS_GUEST_INTERRUPTIBILITY) &
		 (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS)) &&
	       (likely(to_vmx(v)->proc & PROC_MOV_DR) || !(vmx_dr7(v) & DR7_ENABLED));
}

/* #UD: INVPCID is not enabled in hardware, which looks at that before the privilege level. False: the general way. */
static LANE bool undefined(struct vcpu *v)
{
	u64 rflags = vmread_sure(VMCS_GUEST_RFLAGS);

	v->rip = vmread_sure(VMCS_GUEST_RIP);
	v->gpr[RSP] = vmread_sure(VMCS_GUEST_RSP);
	if (SEG_ATTR_DPL(vmread_sure(VMCS_GUEST_ES_ATTR + 2 * SEG_SS)) || (rflags & RFLAGS_TF) ||
	    !is_plain(v) || !lane_invpcid(v))
		return false;
	go_on(v->rip);
	/* As the fault would have saved it, SDM vol. 3C 28.3.3; the instruction is done. Bochs 2.7 does not set it. */
	if (rflags & RFLAGS_RF)
		vmwrite_sure(VMCS_GUEST_RFLAGS, rflags & ~RFLAGS_RF);
	return true;
}

/* The guest's own fault. vmx_set_cr2(), in line. */
static inline void inject_fault(u64 gva, u32 pfec)
{
	write_cr2(gva);
	vmwrite_sure(VMCS_ENTRY_ERROR_CODE, pfec);
	vmwrite_sure(VMCS_ENTRY_INTR_INFO, INFO_PF);
}

/* False: the general way. */
static inline bool page_fault(struct vcpu *v, u64 gva)
{
	u64 rflags = vmread_sure(VMCS_GUEST_RFLAGS);
	struct mmu_straight w;

	v->rip = vmread_sure(VMCS_GUEST_RIP);
	v->rflags = rflags;
	/* See lane_is_straight(). */
	if (unlikely(v->rip >> 32 == 1))
		return false;
	switch (lane_fault(v, gva, (u32)vmread_sure(VMCS_EXIT_ERROR_CODE), &w)) {
	case MMU_NOT_STRAIGHT:
		return false;
	case MMU_STRAIGHT_WRITE:
		if (unlikely(!is_plain(v) || !lane_table_write(v, gva, &w)))
			return false;
		go_on(v->rip);
		break;
	case MMU_STRAIGHT_OWN:
		inject_fault(gva, w.pfec);
		break;
	case MMU_STRAIGHT_MENDED:
		break;
	}
	lane_commit(v);
	if (v->rflags != rflags)
		vmwrite_sure(VMCS_GUEST_RFLAGS, v->rflags);
	return true;
}

static LANE void exit_fault(struct vcpu *v)
{
	u32 info = vmread_sure(VMCS_EXIT_INTR_INFO);
	bool done = false;

	if (likely(!(vmread_sure(VMCS_IDT_VECTORING_INFO) & EVENT_INFO_VALID))) {
		if (likely(info == INFO_PF))
			done = page_fault(v, vmread_sure(VMCS_EXIT_QUALIFICATION));
		else if (info == INFO_UD)
			done = undefined(v);
	}
	if (unlikely(!done))
		vmx_general_exit(v, EXIT_EXCEPTION_NMI);
}

/* vmx_flush_gva(), in line. */
static inline void flush_gva(struct vcpu *v, u64 gva)
{
	if (unlikely(!vmx_flush_vpid_gva(to_vmx(v), gva)))
		vmx_flush_all(v);
}

static LANE void exit_invlpg(struct vcpu *v)
{
	u64 gva = vmread_sure(VMCS_EXIT_QUALIFICATION), next = next_rip();

	if (unlikely(!is_straight() || !is_same(v, next, 0)) || !lane_invlpg(v, gva, flush_gva))
		vmx_general_exit(v, EXIT_INVLPG);
	else
		go_on(next);
}

/* Most exits for a control register, which entry.asm has told apart: a MOV from CR3 may be done there. */
void vmx_cr_exited(struct vcpu *v, u32 qualification)
{
	if (likely(lanes_open(v)))
		exit_cr(v, qualification);
	else
		vmx_general_exit(v, EXIT_CR);
}

/* The first exit, after VMLAUNCH, finds no lane open. */
void vmx_exited(struct vcpu *v, u32 reason)
{
	if (likely(lanes_open(v))) {
		if (reason == EXIT_EXCEPTION_NMI) {
			exit_fault(v);
			return;
		}
		/* From vmx_exit_barrier. */
		if (unlikely(reason == EXIT_CR)) {
			exit_cr(v, vmread_sure(VMCS_EXIT_QUALIFICATION));
			return;
		}
		if (reason == EXIT_INVLPG) {
			exit_invlpg(v);
			return;
		}
		if (reason == EXIT_CPUID) {
			exit_cpuid(v);
			return;
		}
	}
	vmx_general_exit(v, reason);
}
