/* SPDX-License-Identifier: MIT */
/* Run the guest, and turn what stopped it into the common vocabulary: APM vol. 2 15.6, appendix C. */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/exit/lane.h"
#include "guest/machine/backend.h"
#include "svm/svm.h"

static void exit_pf(struct vcpu *v, struct vmexit *exit)
{
	const struct vmcb *vmcb = &to_svm(v)->vmcb;

	exit->kind = VMEXIT_PF;
	exit->pf.error = (u32)vmcb->exit_info_1;
	exit->pf.gva = vmcb->exit_info_2;
	svm_read_event(v, &exit->vectoring);
}

static void exit_exception(struct vcpu *v, struct vmexit *exit, u8 vector)
{
	const struct vmcb *vmcb = &to_svm(v)->vmcb;

	exit->kind = VMEXIT_EXCEPTION;
	exit->event = (struct event){.type = EVENT_EXCEPTION,
				     .vector = vector,
				     .has_error = true,
				     .error = (u32)vmcb->exit_info_1};
	svm_read_event(v, &exit->vectoring);
}

static void exit_npf(struct vcpu *v, struct vmexit *exit)
{
	const struct vmcb *vmcb = &to_svm(v)->vmcb;

	exit->kind = VMEXIT_NPF;
	exit->npf.gpa = vmcb->exit_info_2;
	exit->npf.write = vmcb->exit_info_1 & PFEC_W;
	svm_read_event(v, &exit->vectoring);
}

/* APM vol. 2 15.14.1. */
static void exit_task_switch(struct vcpu *v, struct vmexit *exit)
{
	const struct vmcb *vmcb = &to_svm(v)->vmcb;

	exit->kind = VMEXIT_TASK_SWITCH;
	exit->task.sel = (u16)vmcb->exit_info_1;
	svm_read_event(v, &exit->vectoring);
	if (vmcb->exit_info_2 & EXIT_TASK_IRET)
		exit->task.source = TASK_IRET;
	else if (vmcb->exit_info_2 & EXIT_TASK_JMP)
		exit->task.source = TASK_JMP;
	else
		exit->task.source = vmcb->exit_int_info & EVENT_INFO_VALID ? TASK_GATE : TASK_CALL;
}

/* A task switch loads CR3. QEMU's TCG does not exit for one: all that is left is to say so. */
static void check_cr3(const struct svm_vcpu *svm, struct vmexit *exit)
{
	if (svm->vmcb.nested_control & SVM_NESTED_PAGING)
		return;
	exit->kind = VMEXIT_TASK_SWITCH;
	exit->task.sel = svm->vmcb.tr.sel;
	exit->task.source = TASK_DONE;
}

/* An exit for one instruction. Where the CPU does not say how long it is, guest/ finds out. */
static void exit_insn(struct vcpu *v, struct vmexit *exit, enum vmexit_kind kind)
{
	const struct svm_vcpu *svm = to_svm(v);

	exit->kind = kind;
	if (svm->caps.next_rip)
		exit->insn_len = (u32)(svm->vmcb.next_rip - svm->vmcb.rip);
}

static void translate(struct vcpu *v, struct vmexit *exit)
{
	const struct vmcb *vmcb = &to_svm(v)->vmcb;
	u32 code = (u32)exit->reason;

	exit->insn_len = 0;
	if (likely(code == SVM_EXIT_EXCEPTION + VEC_PF)) {
		exit_pf(v, exit);
		return;
	}
	exit->vectoring.type = EVENT_NONE;
	switch (code) {
	case SVM_EXIT_CR_READ ... SVM_EXIT_CR_READ + 15:
	case SVM_EXIT_CR_WRITE ... SVM_EXIT_CR_WRITE + 15:
		exit_insn(v, exit, VMEXIT_UNKNOWN);
		svm_exit_cr(v, exit, code & 15);
		break;
	case SVM_EXIT_CR0_SEL_WRITE:
		exit_insn(v, exit, VMEXIT_UNKNOWN);
		svm_exit_cr(v, exit, 0);
		break;
	case SVM_EXIT_EXCEPTION + VEC_GP:
		exit_exception(v, exit, VEC_GP);
		break;
	case SVM_EXIT_INTR:
		exit->kind = VMEXIT_INTR;
		break;
	case SVM_EXIT_NMI:
		exit->kind = VMEXIT_NMI;
		break;
	case SVM_EXIT_INIT:
		exit->kind = VMEXIT_INIT;
		break;
	case SVM_EXIT_CPUID:
		exit_insn(v, exit, VMEXIT_CPUID);
		break;
	case SVM_EXIT_INVD:
		exit_insn(v, exit, VMEXIT_INVD);
		break;
	case SVM_EXIT_INVLPG:
		exit_insn(v, exit, VMEXIT_INVLPG);
		svm_exit_invlpg(v, exit);
		break;
	case SVM_EXIT_IOIO:
		svm_exit_io(v, exit);
		break;
	case SVM_EXIT_MSR:
		exit_insn(v, exit, vmcb->exit_info_1 & 1 ? VMEXIT_WRMSR : VMEXIT_RDMSR);
		break;
	case SVM_EXIT_TASK_SWITCH:
		exit_task_switch(v, exit);
		break;
	case SVM_EXIT_SHUTDOWN:
		exit->kind = VMEXIT_SHUTDOWN;
		break;
	case SVM_EXIT_VMMCALL:
		exit_insn(v, exit, VMEXIT_HYPERCALL);
		break;
	case SVM_EXIT_INVLPGA:
	case SVM_EXIT_VMRUN:
	case SVM_EXIT_VMLOAD ... SVM_EXIT_SKINIT:
		exit_insn(v, exit, VMEXIT_VIRT_INSN);
		break;
	case SVM_EXIT_INVPCID:
		exit_insn(v, exit, VMEXIT_INVPCID);
		svm_exit_invpcid(v, exit);
		break;
	case SVM_EXIT_NPF:
		exit_npf(v, exit);
		break;
	default:
		exit->kind = code == SVM_EXIT_INVALID ? VMEXIT_ENTRY_FAILED : VMEXIT_UNKNOWN;
		exit->qualification = vmcb->exit_info_1;
	}
}

_Static_assert(offsetof(struct vcpu, gpr) == 0, "entry.asm knows it");

void svm_run(struct vcpu *v)
{
	const struct svm_vcpu *svm = to_svm(v);

	svm_loop(v, svm->vmcb_hpa, svm->host_hpa);
}

u32 svm_ready(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb *vmcb = &svm->vmcb;

	vmcb->rax = v->gpr[RAX];
	vmcb->rsp = v->gpr[RSP];
	vmcb->rip = v->rip;
	vmcb->rflags = v->rflags;

	svm->entry_rip = v->rip;
	svm->injected = svm->event_pending;
	return svm->next;
}

static __attribute__((noinline)) u32 general_exit(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb *vmcb = &svm->vmcb;
	struct vmexit exit;

	v->gpr[RAX] = vmcb->rax;
	v->gpr[RSP] = vmcb->rsp;
	v->rip = vmcb->rip;
	v->rflags = vmcb->rflags;
	if (unlikely(vmcb_in_shadow(vmcb)))
		svm_keep_traps(v);
	exit.reason = vmcb->exit_code;
	translate(v, &exit);
	if (unlikely(vmcb->cr3 != svm->cr3))
		check_cr3(svm, &exit);
	return guest_exited(v, &exit) ? svm_ready(v) : SVM_NEXT_LEAVE;
}

u32 svm_exited(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb *vmcb = &svm->vmcb;

	vmcb->clean = svm->clean;
	vmcb->tlb_control = TLB_KEEP;
	vmcb->event_inj = 0;
	svm->event_pending = false;
	/* D alone is quick to look at, and a 64-bit kernel has none. */
	if (unlikely(vmcb->cs.attr & VMCB_SEG_D))
		svm_quirk_code_segment(svm);
	if (likely(lanes_open(v)) && svm_lane(v))
		return svm->next;
	return general_exit(v);
}
