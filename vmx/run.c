/* SPDX-License-Identifier: MIT */
/* Run the guest, and turn what stopped it into the common vocabulary: SDM vol. 3C 28. */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/percpu.h"
#include "guest/machine/backend.h"
#include "guest/vcpu/instruction.h"
#include "vmx/vmx.h"

static void exit_exception(struct vcpu *v, struct vmexit *exit)
{
	struct vmx_vcpu *vmx = to_vmx(v);
	u32 info = vmread(VMCS_EXIT_INTR_INFO);

	vmx_read_event(&exit->vectoring, vmread(VMCS_IDT_VECTORING_INFO), VMCS_IDT_VECTORING_ERROR);
	/* Undefined when an event was on its way, and for a double fault: SDM vol. 3C 28.2.3. */
	vmx->nmi_unblocked = (info & INTR_INFO_NMI_UNBLOCKED) &&
			     exit->vectoring.type == EVENT_NONE &&
			     EVENT_INFO_VECTOR(info) != VEC_DF;

	if (EVENT_INFO_TYPE(info) == EVENT_NMI) {
		/* Only while one is waiting already: two that wait are one, as on the bare machine. */
		exit->kind = VMEXIT_NMI;
	} else if (EVENT_INFO_VECTOR(info) == VEC_PF) {
		exit->kind = VMEXIT_PF;
		exit->pf.gva = vmread(VMCS_EXIT_QUALIFICATION);
		exit->pf.error = vmread(VMCS_EXIT_ERROR_CODE);
	} else {
		exit->kind = VMEXIT_EXCEPTION;
		vmx_read_event(&exit->event, info, VMCS_EXIT_ERROR_CODE);
	}
}

/* SDM vol. 3C table 28-3. */
static void exit_cr(struct vcpu *v, struct vmexit *exit)
{
	enum { MOV_TO_CR, MOV_FROM_CR, CLTS, LMSW };
	u64 qualification = vmread(VMCS_EXIT_QUALIFICATION);

	exit->insn_len = vmread(VMCS_EXIT_INSN_LEN);
	exit->cr.nr = qualification & 0xf;
	exit->cr.gpr = qualification >> 8 & 0xf;
	switch (qualification >> 4 & 3) {
	case MOV_TO_CR:
		exit->kind = exit->cr.nr == 3 ? VMEXIT_CR3_WRITE : VMEXIT_CR_WRITE;
		exit->cr.value = v->gpr[exit->cr.gpr];
		break;
	case MOV_FROM_CR:
		exit->kind = VMEXIT_CR_READ;
		break;
	case CLTS:
		exit->kind = VMEXIT_CLTS;
		break;
	case LMSW:
		exit->kind = VMEXIT_LMSW;
		exit->cr.value = qualification >> 16 & 0xffff;
		if (qualification & BIT(6)) {
			exit->cr.gpr = INSN_NO_REG;
			exit->cr.gva = vmread(VMCS_GUEST_LINEAR);
		}
		break;
	}
}

/* SDM vol. 3C table 28-5. */
static void exit_io(struct vmexit *exit)
{
	u64 qualification = vmread(VMCS_EXIT_QUALIFICATION);

	exit->kind = VMEXIT_IO;
	exit->insn_len = vmread(VMCS_EXIT_INSN_LEN);
	exit->io.size = (qualification & 7) + 1;
	exit->io.in = qualification & BIT(3);
	exit->io.string = qualification & BIT(4);
	exit->io.port = qualification >> 16;
}

/*
 * The instruction is run again. Bochs saves the single step that it has not made yet; SDM vol. 3C 28.3.4.
 */
static void forget_step(struct vcpu *v, const struct vmexit *exit)
{
	if (unlikely(v->rflags & RFLAGS_TF) && exit->vectoring.type == EVENT_NONE &&
	    !(vmread(VMCS_GUEST_INTERRUPTIBILITY) &
	      (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS)))
		vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
}

/* SDM vol. 3C table 28-7. */
static void exit_ept_violation(struct vcpu *v, struct vmexit *exit)
{
	struct vmx_vcpu *vmx = to_vmx(v);
	u64 qualification = vmread(VMCS_EXIT_QUALIFICATION);

	vmx_read_event(&exit->vectoring, vmread(VMCS_IDT_VECTORING_INFO), VMCS_IDT_VECTORING_ERROR);
	vmx->nmi_unblocked =
		(qualification & INTR_INFO_NMI_UNBLOCKED) && exit->vectoring.type == EVENT_NONE;
	exit->kind = VMEXIT_NPF;
	exit->npf.gpa = vmread(VMCS_GUEST_PHYSICAL);
	exit->npf.write = qualification & BIT(1);
	forget_step(v, exit);
}

/* SDM vol. 3C table 28-2. */
static void exit_task_switch(struct vmexit *exit)
{
	u64 qualification = vmread(VMCS_EXIT_QUALIFICATION);

	vmx_read_event(&exit->vectoring, vmread(VMCS_IDT_VECTORING_INFO), VMCS_IDT_VECTORING_ERROR);
	exit->kind = VMEXIT_TASK_SWITCH;
	exit->task.sel = (u16)qualification;
	exit->task.source = (enum task_source)(qualification >> 30 & 3);
}

static void exit_insn(struct vmexit *exit, enum vmexit_kind kind)
{
	exit->kind = kind;
	exit->insn_len = vmread(VMCS_EXIT_INSN_LEN);
}

static void exit_other(struct vmexit *exit, enum vmexit_kind kind)
{
	exit->kind = kind;
	exit->qualification = vmread(VMCS_EXIT_QUALIFICATION);
}

static void translate(struct vcpu *v, struct vmexit *exit)
{
	exit->insn_len = 0;
	exit->vectoring.type = EVENT_NONE;
	if (unlikely(exit->reason & EXIT_REASON_ENTRY_FAILED)) {
		exit_other(exit, VMEXIT_ENTRY_FAILED);
		return;
	}
	/* The most frequent first: a switch is a tree of comparisons. */
	if (likely((exit->reason & EXIT_REASON_BASIC) == EXIT_EXCEPTION_NMI)) {
		exit_exception(v, exit);
		return;
	}
	switch (exit->reason & EXIT_REASON_BASIC) {
	case EXIT_EXTERNAL_INTERRUPT:
	case EXIT_INTERRUPT_WINDOW:
		exit->kind = VMEXIT_INTR;
		break;
	case EXIT_NMI_WINDOW:
		exit->kind = VMEXIT_NMI;
		break;
	case EXIT_TRIPLE_FAULT:
		exit->kind = VMEXIT_SHUTDOWN;
		break;
	case EXIT_INIT:
		exit->kind = VMEXIT_INIT;
		break;
	case EXIT_TASK_SWITCH:
		exit_task_switch(exit);
		break;
	case EXIT_CPUID:
		exit_insn(exit, VMEXIT_CPUID);
		break;
	case EXIT_INVD:
		exit_insn(exit, VMEXIT_INVD);
		break;
	case EXIT_INVLPG:
		exit_insn(exit, VMEXIT_INVLPG);
		exit->gva = vmread(VMCS_EXIT_QUALIFICATION);
		break;
	case EXIT_CR:
		exit_cr(v, exit);
		break;
	case EXIT_MOV_DR:
		vmx_mov_dr(to_vmx(v));
		forget_step(v, exit);
		exit->kind = VMEXIT_AGAIN;
		break;
	case EXIT_IO:
		exit_io(exit);
		break;
	case EXIT_RDMSR:
		exit_insn(exit, VMEXIT_RDMSR);
		break;
	case EXIT_WRMSR:
		exit_insn(exit, VMEXIT_WRMSR);
		break;
	case EXIT_VMCALL:
		exit_insn(exit, VMEXIT_HYPERCALL);
		break;
	case EXIT_XSETBV:
		exit_insn(exit, VMEXIT_XSETBV);
		break;
	case EXIT_VMCLEAR ... EXIT_VMXON:
	case EXIT_GETSEC:
	case EXIT_INVEPT:
	case EXIT_INVVPID:
	case EXIT_VMFUNC:
	case EXIT_SEAMCALL:
	case EXIT_TDCALL:
	case EXIT_RDMSR_IMM:
	case EXIT_WRMSRNS_IMM:
		exit_insn(exit, VMEXIT_VIRT_INSN);
		break;
	case EXIT_EPT_VIOLATION:
		exit_ept_violation(v, exit);
		break;
	case EXIT_EPT_MISCONFIG:
		/* The qualification is undefined, the address is not: SDM vol. 3C 29.3.3.1. */
		exit->kind = VMEXIT_UNKNOWN;
		exit->qualification = vmread(VMCS_GUEST_PHYSICAL);
		break;
	default:
		exit_other(exit, VMEXIT_UNKNOWN);
	}
}

void vmx_run(struct vcpu *v)
{
	vmx_loop(v);
}

void vmx_ready(struct vcpu *v)
{
	struct vmx_vcpu *vmx = to_vmx(v);

	if (v->rip != vmx->rip)
		vmwrite(VMCS_GUEST_RIP, v->rip);
	if (v->gpr[RSP] != vmx->rsp)
		vmwrite(VMCS_GUEST_RSP, v->gpr[RSP]);
	if (v->rflags != vmx->rflags)
		vmwrite(VMCS_GUEST_RFLAGS, v->rflags);
	if (unlikely(vmx->nmi_unblocked || vmx->nmi_waiting))
		vmx_prepare_nmi(v);
	/* An entry reads it and nmi_pending in one piece: a store just before would hold that up. */
	if (unlikely(this_cpu()->next != vmx->next))
		this_cpu()->next = vmx->next;
}

void vmx_nmi_came(struct vcpu *v)
{
	vmx_prepare_nmi(v);
}

/*
 * Outside of 64-bit code RIP has 32 bits, and no entry takes more (SDM vol. 3C 27.3.1.4). A CPU goes on at 0
 * after 4 GiB; Bochs counts on until the next jump, and says so at an exit.
 */
static inline u64 wrapped(struct vcpu *v, u64 rip)
{
	return unlikely(rip >> 32 == 1) && !guest_code_is_64bit(v) ? (u32)rip : rip;
}

void vmx_general_exit(struct vcpu *v, u64 reason)
{
	struct vmx_vcpu *vmx = to_vmx(v);
	struct vmexit exit;

	exit.reason = reason;
	vmx->rip = vmread(VMCS_GUEST_RIP);
	v->rip = wrapped(v, vmx->rip);
	v->gpr[RSP] = vmx->rsp = vmread(VMCS_GUEST_RSP);
	v->rflags = vmx->rflags = vmread(VMCS_GUEST_RFLAGS);
	translate(v, &exit);
	if (likely(exit.kind != VMEXIT_ENTRY_FAILED))
		vmx->next &= ~VMX_NEXT_LAUNCH;
	if (likely(guest_exited(v, &exit)))
		vmx_ready(v);
	else
		this_cpu()->next = VMX_NEXT_LEAVE;
}
