/* SPDX-License-Identifier: MIT */
/* The guest's side of the VMCS for a crash record, and the fields that decide what exits. */
#include "arch/console.h"
#include "vmx/vmx.h"

static unsigned long long field(enum vmcs_field f)
{
	return vmread(f);
}

void vmx_dump(struct vcpu *v)
{
	struct vmx_vcpu *vmx = to_vmx(v);

	say("vmcs: cr0 %llx (read as %llx) cr3 %llx cr4 %llx (read as %llx)", field(VMCS_GUEST_CR0),
	    field(VMCS_CR0_SHADOW), field(VMCS_GUEST_CR3), field(VMCS_GUEST_CR4),
	    field(VMCS_CR4_SHADOW));
	say("vmcs: efer %llx%s dr7 %llx debugctl %llx",
	    vmx->caps.efer_controls ? field(VMCS_GUEST_EFER)
				    : (unsigned long long)vmx->entry_list[vmx->nr_fixed].value,
	    vmx->entry & ENTRY_CTL_IA32E_GUEST ? " (IA-32e mode)" : "", field(VMCS_GUEST_DR7),
	    field(VMCS_GUEST_DEBUGCTL));
	say("vmcs: rip %llx rsp %llx rflags %llx", field(VMCS_GUEST_RIP), field(VMCS_GUEST_RSP),
	    field(VMCS_GUEST_RFLAGS));
	say("vmcs: activity %llx interruptibility %llx pending debug %llx",
	    field(VMCS_GUEST_ACTIVITY), field(VMCS_GUEST_INTERRUPTIBILITY),
	    field(VMCS_GUEST_PENDING_DEBUG));
	say("vmcs: controls: pin %llx proc %llx proc2 %x exit %llx entry %llx",
	    field(VMCS_PIN_CONTROLS), field(VMCS_PROC_CONTROLS), vmx->proc2,
	    field(VMCS_EXIT_CONTROLS), field(VMCS_ENTRY_CONTROLS));
	if (vmx->eptp)
		say("vmcs: eptp %llx, last guest-physical address %llx", field(VMCS_EPTP),
		    field(VMCS_GUEST_PHYSICAL));
	say("vmcs: exception bitmap %llx, page faults: mask %llx match %llx",
	    field(VMCS_EXCEPTION_BITMAP), field(VMCS_PFEC_MASK), field(VMCS_PFEC_MATCH));
	say("vmcs: last exit: reason %llx (%s) qualification %llx", field(VMCS_EXIT_REASON),
	    vmx_exit_name(vmread(VMCS_EXIT_REASON)), field(VMCS_EXIT_QUALIFICATION));
	say("vmcs: interruption %llx/%llx, IDT vectoring %llx/%llx", field(VMCS_EXIT_INTR_INFO),
	    field(VMCS_EXIT_ERROR_CODE), field(VMCS_IDT_VECTORING_INFO),
	    field(VMCS_IDT_VECTORING_ERROR));
	say("vmcs: entry interruption %llx/%llx", field(VMCS_ENTRY_INTR_INFO),
	    field(VMCS_ENTRY_ERROR_CODE));
}
