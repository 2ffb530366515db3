/* SPDX-License-Identifier: MIT */
/* The guest's side of the VMCS for a crash record, and the fields that decide what exits. */
#include "arch/console.h"
#include "vmx/vmx.h"

void vmx_dump(struct vcpu *v)
{
	struct vmx_vcpu *vmx = to_vmx(v);

	say("vmcs: cr0 %lx (read as %lx) cr3 %lx cr4 %lx (read as %lx)", vmread(VMCS_GUEST_CR0),
	    vmread(VMCS_CR0_SHADOW), vmread(VMCS_GUEST_CR3), vmread(VMCS_GUEST_CR4),
	    vmread(VMCS_CR4_SHADOW));
	say("vmcs: efer %lx%s dr7 %lx debugctl %lx",
	    vmx->caps.efer_controls ? vmread(VMCS_GUEST_EFER)
				    : vmx->entry_list[vmx->nr_fixed].value,
	    vmx->entry & ENTRY_CTL_IA32E_GUEST ? " (IA-32e mode)" : "", vmread(VMCS_GUEST_DR7),
	    vmread(VMCS_GUEST_DEBUGCTL));
	say("vmcs: rip %lx rsp %lx rflags %lx", vmread(VMCS_GUEST_RIP), vmread(VMCS_GUEST_RSP),
	    vmread(VMCS_GUEST_RFLAGS));
	say("vmcs: activity %lx interruptibility %lx pending debug %lx",
	    vmread(VMCS_GUEST_ACTIVITY), vmread(VMCS_GUEST_INTERRUPTIBILITY),
	    vmread(VMCS_GUEST_PENDING_DEBUG));
	say("vmcs: controls: pin %lx proc %lx proc2 %x exit %lx entry %lx",
	    vmread(VMCS_PIN_CONTROLS), vmread(VMCS_PROC_CONTROLS), vmx->proc2,
	    vmread(VMCS_EXIT_CONTROLS), vmread(VMCS_ENTRY_CONTROLS));
	if (vmx->eptp)
		say("vmcs: eptp %lx, last guest-physical address %lx", vmread(VMCS_EPTP),
		    vmread(VMCS_GUEST_PHYSICAL));
	say("vmcs: exception bitmap %lx, page faults: mask %lx match %lx",
	    vmread(VMCS_EXCEPTION_BITMAP), vmread(VMCS_PFEC_MASK), vmread(VMCS_PFEC_MATCH));
	say("vmcs: last exit: reason %lx (%s) qualification %lx", vmread(VMCS_EXIT_REASON),
	    vmx_exit_name(vmread(VMCS_EXIT_REASON)), vmread(VMCS_EXIT_QUALIFICATION));
	say("vmcs: interruption %lx/%lx, IDT vectoring %lx/%lx", vmread(VMCS_EXIT_INTR_INFO),
	    vmread(VMCS_EXIT_ERROR_CODE), vmread(VMCS_IDT_VECTORING_INFO),
	    vmread(VMCS_IDT_VECTORING_ERROR));
	say("vmcs: entry interruption %lx/%lx", vmread(VMCS_ENTRY_INTR_INFO),
	    vmread(VMCS_ENTRY_ERROR_CODE));
}
