/* SPDX-License-Identifier: MIT */
/* The VMCB for a crash record: the guest's state, and the fields that decide what exits. */
#include "arch/console.h"
#include "svm/svm.h"

void svm_dump(struct vcpu *v)
{
	const struct svm_vcpu *svm = to_svm(v);
	const struct vmcb *vmcb = &svm->vmcb;

	say("vmcb: cr0 %lx (read as %lx) cr2 %lx cr3 %lx cr4 %lx (read as %lx)", vmcb->cr0,
	    svm_get_cr(v, 0), vmcb->cr2, vmcb->cr3, vmcb->cr4, svm_get_cr(v, 4));
	say("vmcb: efer %lx dr6 %lx dr7 %lx cpl %u", vmcb->efer, vmcb->dr6, vmcb->dr7, vmcb->cpl);
	say("vmcb: rip %lx rsp %lx rflags %lx rax %lx", vmcb->rip, vmcb->rsp, vmcb->rflags,
	    vmcb->rax);
	say("vmcb: intercepts: cr %x/%x exceptions %x, %x %x %x", vmcb->cr_read, vmcb->cr_write,
	    vmcb->exceptions, vmcb->intercept[0], vmcb->intercept[1], vmcb->intercept[2]);
	say("vmcb: asid %u tlb %u interrupt state %lx clean %x", vmcb->asid, vmcb->tlb_control,
	    vmcb->interrupt_state, vmcb->clean);
	say("vmcb: nested paging %lx by %lx", vmcb->nested_control, vmcb->nested_cr3);
	say("vmcb: last exit: %lx (%s) info %lx %lx, next rip %lx", vmcb->exit_code,
	    svm_exit_name(vmcb->exit_code), vmcb->exit_info_1, vmcb->exit_info_2, vmcb->next_rip);
	say("vmcb: cut event %lx", vmcb->exit_int_info);
	say("vmcb: told by this CPU: next rip %u, cr operand %u, invlpg operand %u; quirks: cr2 %u, "
	    "events %u, cr reads %u",
	    svm->caps.next_rip, svm->caps.cr_operand, svm->caps.invlpg_gva, svm->caps.cr2_stays,
	    svm->caps.events_stale, svm->caps.cr_read_by_cr0);
}
