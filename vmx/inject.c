/* SPDX-License-Identifier: MIT */
/* Events on their way into the guest, and what holds them off: SDM vol. 3C 25.8.3, 32.7. */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/percpu.h"
#include "guest/exit/lane.h"
#include "guest/machine/event.h"
#include "vmx/vmx.h"

static bool is_soft(enum event_type type)
{
	return type == EVENT_SOFT_INT || type == EVENT_PRIV_SOFT_EXC ||
	       type == EVENT_SOFT_EXCEPTION;
}

void vmx_read_event(struct event *event, u32 info, enum vmcs_field error_code)
{
	if (!event_of_info(event, info))
		return;
	if (event->has_error)
		event->error = vmread(error_code);
	if (is_soft(event->type))
		event->insn_len = vmread(VMCS_EXIT_INSN_LEN);
}

/* An NMI may be injected only while the VMCS says that none blocks it: SDM vol. 3C 27.3.1.5. */
static void end_blocking(u64 blocking)
{
	u64 state = vmread(VMCS_GUEST_INTERRUPTIBILITY);

	if (state & blocking)
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, state & ~blocking);
}

void vmx_inject(struct vcpu *v, const struct event *event)
{
	struct vmx_vcpu *vmx = to_vmx(v);

	if (event->type == EVENT_NONE)
		return;
	if (event->type == EVENT_NMI)
		end_blocking(INTERRUPTIBILITY_NMI | INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS);
	/* An IRET that faults for the guest has ended NMI blocking, as on the bare machine. */
	if (event->type == EVENT_EXCEPTION)
		vmx->nmi_unblocked = false;
	if (event->has_error)
		vmwrite(VMCS_ENTRY_ERROR_CODE, event->error);
	if (is_soft(event->type))
		vmwrite(VMCS_ENTRY_INSN_LEN, event->insn_len);
	vmwrite(VMCS_ENTRY_INTR_INFO, event_to_info(event));
}

void vmx_set_cr2(struct vcpu *v, u64 gva)
{
	(void)v;
	/* Invariant 8: the guest's CR2 is the CPU's. The hypervisor has no page faults of its own. */
	write_cr2(gva);
}

/* What a MOV SS has met is pending in the VMCS. */
u64 vmx_end_shadow(struct vcpu *v)
{
	(void)v;
	end_blocking(INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS);
	return 0;
}

/* SDM vol. 3C table 25-4: DR6's bits, and one more. */
void vmx_debug_trap(struct vcpu *v, u64 dr6)
{
	(void)v;
	if (dr6 & DR6_B)
		dr6 |= PENDING_DEBUG_ENABLED;
	vmwrite(VMCS_GUEST_PENDING_DEBUG, vmread(VMCS_GUEST_PENDING_DEBUG) | dr6);
}

static void set_mov_dr_exiting(struct vmx_vcpu *vmx, u32 control)
{
	vmx->proc = (vmx->proc & ~PROC_MOV_DR) | control;
	vmwrite(VMCS_PROC_CONTROLS, vmx->proc);
}

/*
 * Each access that is carried out in software asks for DR7, and most guests have no breakpoint. Under
 * another hypervisor a VMREAD of DR7 may cost an exit to it, where the controls cost none: so a DR7 that
 * enables nothing is not looked at again until the guest's next MOV DR, which exits.
 */
u64 vmx_dr7(struct vcpu *v)
{
	struct vmx_vcpu *vmx = to_vmx(v);
	u64 dr7;

	if (vmx->proc & PROC_MOV_DR)
		return DR7_NONE;
	dr7 = vmread(VMCS_GUEST_DR7);
	if (!(dr7 & DR7_ENABLED))
		set_mov_dr_exiting(vmx, vmx->caps.mov_dr);
	return dr7;
}

void vmx_mov_dr(struct vmx_vcpu *vmx)
{
	set_mov_dr_exiting(vmx, 0);
}

u64 vmx_debugctl(struct vcpu *v)
{
	(void)v;
	return vmread(VMCS_GUEST_DEBUGCTL);
}

/*
 * An exit as soon as the guest can take an NMI, or as things are: NMIs straight to the guest. Open,
 * "blocking by NMI" is a virtual one that the guest's IRET ends all the same, and a further NMI exits
 * (SDM vol. 3C 26.2 and table 25-5). A CPU without that has the NMI wait for any other exit.
 */
static void set_nmi_window(struct vmx_vcpu *vmx, bool open)
{
	if (open == vmx->nmi_window || !vmx->caps.nmi_window)
		return;
	vmx->nmi_window = open;
	vmx->proc ^= PROC_NMI_WINDOW;
	vmwrite(VMCS_PROC_CONTROLS, vmx->proc);
	vmwrite(VMCS_PIN_CONTROLS, vmx->caps.pin | (open ? PIN_NMI | PIN_VIRTUAL_NMIS : 0));
}

void vmx_prepare_nmi(struct vcpu *v)
{
	struct vmx_vcpu *vmx = to_vmx(v);
	u64 state = vmread(VMCS_GUEST_INTERRUPTIBILITY);

	/* The IRET did not complete and is run again: NMIs stay blocked until it does (32.7.1.2). */
	if (vmx->nmi_unblocked) {
		vmx->nmi_unblocked = false;
		state |= INTERRUPTIBILITY_NMI;
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, state);
	}
	if (this_cpu()->nmi_pending) {
		this_cpu()->nmi_pending = 0;
		vmx->nmi_waiting = true;
	}
	if (!vmx->nmi_waiting)
		return;
	/*
	 * One event at a time: each exit takes the one before away (SDM vol. 3C 25.8.3). A trap of the
	 * instruction before comes first (SDM vol. 3A table 6-2), and would be lost.
	 */
	if ((vmread(VMCS_ENTRY_INTR_INFO) & EVENT_INFO_VALID) ||
	    (state & (INTERRUPTIBILITY_NMI | INTERRUPTIBILITY_MOV_SS)) ||
	    vmread(VMCS_GUEST_PENDING_DEBUG)) {
		set_nmi_window(vmx, true);
		/* The next exit comes here again. */
		lanes_shut(v);
		return;
	}
	set_nmi_window(vmx, false);
	vmx->nmi_waiting = false;
	if (state & INTERRUPTIBILITY_STI)
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, state & ~INTERRUPTIBILITY_STI);
	vmwrite(VMCS_ENTRY_INTR_INFO,
		event_to_info(&(struct event){.type = EVENT_NMI, .vector = VEC_NMI}));
}
