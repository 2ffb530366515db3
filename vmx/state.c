/* SPDX-License-Identifier: MIT */
/* The guest's registers that live in the VMCS: control registers, EFER, segments, tables. */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "vmx/vmx.h"

void vmx_set_owned(struct vmx_vcpu *vmx, u64 cr0, u64 cr4)
{
	vmx->cr0_owned = cr0;
	vmx->cr4_owned = cr4;
	vmwrite(VMCS_CR0_MASK, ~cr0);
	vmwrite(VMCS_CR4_MASK, ~cr4);
}

void vmx_set_cr(struct vcpu *v, int nr, u64 hw, u64 view)
{
	struct vmx_vcpu *vmx = to_vmx(v);

	if (nr == 0) {
		/* VM entry and exit leave CD and NW alone: they are the CPU's own. SDM vol. 3C 27.3.2.1. */
		if (unlikely((read_cr0() ^ hw) & (CR0_CD | CR0_NW)))
			write_cr0((read_cr0() & ~(CR0_CD | CR0_NW)) | (hw & (CR0_CD | CR0_NW)));
		vmwrite(VMCS_GUEST_CR0, (hw | vmx->cr0_fixed0) & vmx->caps.cr0_fixed1);
		vmwrite(VMCS_CR0_SHADOW, view);
	} else {
		vmwrite(VMCS_GUEST_CR4, (hw | vmx->caps.cr4_fixed0) & vmx->caps.cr4_fixed1);
		vmwrite(VMCS_CR4_SHADOW, view);
	}
}

u64 vmx_get_cr(const struct vcpu *v, int nr)
{
	const struct vmx_vcpu *vmx = to_vmx(v);

	switch (nr) {
	case 0:
		return (vmread(VMCS_GUEST_CR0) & vmx->cr0_owned) |
		       (vmread(VMCS_CR0_SHADOW) & ~vmx->cr0_owned);
	case 3:
		return vmread(VMCS_GUEST_CR3);
	default:
		return (vmread(VMCS_GUEST_CR4) & vmx->cr4_owned) |
		       (vmread(VMCS_CR4_SHADOW) & ~vmx->cr4_owned);
	}
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
	u32 nr = vmx->nr_fixed;
	u64 other = (hw ^ vmx->exit_list[nr].value) & ~(EFER_LMA | EFER_LME);

	vmx->entry_list[nr].value = hw;
	vmwrite(VMCS_ENTRY_MSR_LOAD_COUNT, nr + (other ? 1 : 0));
	vmwrite(VMCS_EXIT_MSR_LOAD_COUNT, nr + (other ? 1 : 0));
}

bool vmx_shares_pat(const struct vcpu *v)
{
	return !to_vmx(v)->caps.pat_controls;
}

/* It is always SS.DPL's: SDM vol. 3C 25.4.1. */
u8 vmx_cpl(const struct vcpu *v)
{
	(void)v;
	return SEG_ATTR_DPL(vmread(VMCS_GUEST_ES_ATTR + 2 * SEG_SS));
}

u32 vmx_seg_attr(struct vcpu *v, enum seg seg)
{
	(void)v;
	return vmread(VMCS_GUEST_ES_ATTR + 2 * seg);
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
