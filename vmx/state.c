/* SPDX-License-Identifier: MIT */
/* The guest's registers that live in the VMCS: control registers, EFER, segments, tables. */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "vmx/vmx.h"

/*
 * Bits that the guest reads and writes without an exit: none changes how its memory is mapped. All
 * others are the host's: the guest reads the view, and a write that would change one exits (SDM
 * vol. 3C 25.6.6). CD and NW are never switched by VM entry and exit; they are simply the machine's.
 */
#define CR0_GUEST_OWNED (CR0_MP | CR0_EM | CR0_TS | CR0_AM | CR0_NW | CR0_CD)
#define CR4_GUEST_OWNED                                                                           \
	(CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_MCE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT | \
	 CR4_UMIP | CR4_FSGSBASE)

void vmx_set_cr(struct vcpu *v, int nr, u64 hw, u64 view)
{
	struct vmx_vcpu *vmx = to_vmx(v);

	if (nr == 0) {
		vmwrite(VMCS_CR0_MASK, ~CR0_GUEST_OWNED);
		vmwrite(VMCS_GUEST_CR0, (hw | vmx->caps.cr0_fixed0) & vmx->caps.cr0_fixed1);
		vmwrite(VMCS_CR0_SHADOW, view);
	} else {
		vmwrite(VMCS_CR4_MASK, ~CR4_GUEST_OWNED);
		vmwrite(VMCS_GUEST_CR4, (hw | vmx->caps.cr4_fixed0) & vmx->caps.cr4_fixed1);
		vmwrite(VMCS_CR4_SHADOW, view);
	}
}

u64 vmx_get_cr(struct vcpu *v, int nr)
{
	(void)v;
	if (nr == 0)
		return (vmread(VMCS_GUEST_CR0) & CR0_GUEST_OWNED) |
		       (vmread(VMCS_CR0_SHADOW) & ~CR0_GUEST_OWNED);
	return (vmread(VMCS_GUEST_CR4) & CR4_GUEST_OWNED) |
	       (vmread(VMCS_CR4_SHADOW) & ~CR4_GUEST_OWNED);
}

void vmx_set_root(struct vcpu *v, u64 hpa)
{
	(void)v;
	vmwrite(VMCS_GUEST_CR3, hpa);
}

/*
 * LMA in hardware is the "IA-32e mode guest" control. The rest of EFER is loaded by a control, or by
 * the MSR lists where it differs from the hypervisor's own: SDM vol. 3C 27.3.2.1, 27.4, 28.6.
 */
void vmx_set_efer(struct vcpu *v, u64 hw)
{
	struct vmx_vcpu *vmx = to_vmx(v);
	u32 entry = vmx->entry & ~ENTRY_CTL_IA32E_GUEST;

	/* VM entry insists on LME = LMA while paging is on, and in hardware it always is. */
	hw &= ~(EFER_LMA | EFER_LME) | (hw & EFER_LMA ? EFER_LMA | EFER_LME : 0);
	if (hw & EFER_LMA)
		entry |= ENTRY_CTL_IA32E_GUEST;
	if (entry != vmx->entry) {
		vmx->entry = entry;
		vmwrite(VMCS_ENTRY_CONTROLS, entry);
	}
	if (vmx->caps.efer_controls) {
		vmwrite(VMCS_GUEST_EFER, hw);
		return;
	}
	/* LME and LMA are switched by the controls alone: no reason to load the MSR. */
	u64 other = (hw ^ vmx->exit_efer.value) & ~(EFER_LMA | EFER_LME);

	vmx->entry_efer.value = hw;
	vmwrite(VMCS_ENTRY_MSR_LOAD_COUNT, other ? 1 : 0);
	vmwrite(VMCS_EXIT_MSR_LOAD_COUNT, other ? 1 : 0);
}

void vmx_get_seg(struct vcpu *v, enum seg seg, struct segment *out)
{
	(void)v;
	out->sel = vmread(VMCS_GUEST_ES + 2 * seg);
	out->limit = vmread(VMCS_GUEST_ES_LIMIT + 2 * seg);
	out->attr = vmread(VMCS_GUEST_ES_ATTR + 2 * seg);
	out->base = vmread(VMCS_GUEST_ES_BASE + 2 * seg);
}

void vmx_set_seg(struct vcpu *v, enum seg seg, const struct segment *in)
{
	(void)v;
	vmwrite(VMCS_GUEST_ES + 2 * seg, in->sel);
	vmwrite(VMCS_GUEST_ES_LIMIT + 2 * seg, in->limit);
	vmwrite(VMCS_GUEST_ES_ATTR + 2 * seg, in->attr);
	vmwrite(VMCS_GUEST_ES_BASE + 2 * seg, in->base);
}

void vmx_set_dtables(struct vcpu *v, const struct dtable *gdt, const struct dtable *idt)
{
	(void)v;
	vmwrite(VMCS_GUEST_GDTR_BASE, gdt->base);
	vmwrite(VMCS_GUEST_GDTR_LIMIT, gdt->limit);
	vmwrite(VMCS_GUEST_IDTR_BASE, idt->base);
	vmwrite(VMCS_GUEST_IDTR_LIMIT, idt->limit);
}

void vmx_get_dtables(struct vcpu *v, struct dtable *gdt, struct dtable *idt)
{
	(void)v;
	gdt->base = vmread(VMCS_GUEST_GDTR_BASE);
	gdt->limit = vmread(VMCS_GUEST_GDTR_LIMIT);
	idt->base = vmread(VMCS_GUEST_IDTR_BASE);
	idt->limit = vmread(VMCS_GUEST_IDTR_LIMIT);
}
