/* SPDX-License-Identifier: MIT */
/* Nested paging: EPT, and a guest that runs with its own CR0, CR3 and CR4. SDM vol. 3C 26.6.1, 29.3. */
#include "arch/cpu.h"
#include "vmx/vmx.h"

/*
 * Beside those that are always the guest's: with its own tables in CR3, what decides only about
 * rights, or about which translations are kept. PE and PG go with the "IA-32e mode guest" control,
 * PAE and LA57 with the PDPTEs and the EPT's reach: these exit.
 */
#define CR0_NESTED_OWNED CR0_WP
#define CR4_NESTED_OWNED (CR4_PSE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE)

void vmx_enable_nested(struct vcpu *v, u64 root)
{
	struct vmx_vcpu *vmx = to_vmx(v);

	vmx->eptp = root | EPTP_MEMTYPE_WB | EPTP_WALK_4;
	vmwrite(VMCS_EPTP, vmx->eptp);
	vmx->proc = vmx->nested.proc;
	vmwrite(VMCS_PROC_CONTROLS, vmx->proc);
	vmx->proc2 = vmx->nested.proc2;
	vmwrite(VMCS_PROC2_CONTROLS, vmx->proc2);

	/* set_cr() comes before the first entry, and uses these. */
	vmx->cr0_fixed0 = vmx->nested.cr0_fixed0;
	vmx_set_owned(vmx, vmx->cr0_owned | CR0_NESTED_OWNED, vmx->cr4_owned | CR4_NESTED_OWNED);

	vmx->ud_exits = false;
	vmx_set_pf_filter(v, PF_FILTER_NONE);
	vmx_flush_all(v);
}

/* VM exit saves them, and VM entry loads them, while CR4.PAE is set without LMA: 27.3.2.1, 28.3.1. */
void vmx_get_pdptes(struct vcpu *v, u64 pdpte[4])
{
	(void)v;
	for (u32 i = 0; i < 4; i++)
		pdpte[i] = vmread(VMCS_GUEST_PDPTE0 + 2 * i);
}

void vmx_set_pdptes(struct vcpu *v, const u64 pdpte[4])
{
	(void)v;
	for (u32 i = 0; i < 4; i++)
		vmwrite(VMCS_GUEST_PDPTE0 + 2 * i, pdpte[i]);
}
