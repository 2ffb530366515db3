/* SPDX-License-Identifier: MIT */
/* Is there VMX on this CPU, can notrap use it, and what of it must the guest not see. */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "vmx/vmx.h"

/* The capability MSRs of this CPU, which must have VMX. */
static void read_msrs(struct vmx_msrs *m)
{
	bool true_ctls;

	*m = (struct vmx_msrs){
		.feature_control = rdmsr(MSR_FEATURE_CONTROL),
		.basic = rdmsr(MSR_VMX_BASIC),
		.cr0_fixed0 = rdmsr(MSR_VMX_CR0_FIXED0),
		.cr0_fixed1 = rdmsr(MSR_VMX_CR0_FIXED1),
		.cr4_fixed0 = rdmsr(MSR_VMX_CR4_FIXED0),
		.cr4_fixed1 = rdmsr(MSR_VMX_CR4_FIXED1),
	};
	/* The true variants tell which default-1 controls may be 0: SDM vol. 3D A.2. */
	true_ctls = m->basic & VMX_BASIC_TRUE_CTLS;
	m->pin = rdmsr(true_ctls ? MSR_VMX_TRUE_PINBASED_CTLS : MSR_VMX_PINBASED_CTLS);
	m->proc = rdmsr(true_ctls ? MSR_VMX_TRUE_PROCBASED_CTLS : MSR_VMX_PROCBASED_CTLS);
	m->exit = rdmsr(true_ctls ? MSR_VMX_TRUE_EXIT_CTLS : MSR_VMX_EXIT_CTLS);
	m->entry = rdmsr(true_ctls ? MSR_VMX_TRUE_ENTRY_CTLS : MSR_VMX_ENTRY_CTLS);
	/* These MSRs exist where the control that leads to them may be 1: A.3.3, A.10. */
	if (m->proc >> 32 & PROC_SECONDARY)
		m->proc2 = rdmsr(MSR_VMX_PROCBASED_CTLS2);
	if (m->proc2 >> 32 & (PROC2_EPT | PROC2_VPID))
		m->ept_vpid = rdmsr(MSR_VMX_EPT_VPID_CAP);
}

int vmx_probe(void)
{
	struct vmx_msrs msrs;

	/* No CPUID bit, no VMX; the MSRs below exist only with it. */
	if (!(cpuid(1, 0).ecx & CPUID_1_ECX_VMX))
		return fail(
			"this CPU has no VMX (CPUID.1:ECX bit 5 is clear): notrap needs Intel VT-x; "
			"in a virtual machine, turn nested virtualization on");
	read_msrs(&msrs);
	return vmx_decide(&msrs, &vmx_vcpu_of(0)->caps);
}

int vmx_probe_nested(void)
{
	struct vmx_vcpu *vmx = vmx_vcpu_of(0);
	struct vmx_msrs msrs;

	read_msrs(&msrs);
	return vmx_decide_nested(&msrs, &vmx->caps, &vmx->nested);
}

#define CPUID_7_0_ECX_WAITPKG BIT(5)
#define CPUID_7_0_EDX_PCONFIG BIT(18)

enum { EAX, EBX, ECX, EDX };

void vmx_hide_cpuid(u32 leaf, u32 subleaf, u32 regs[4])
{
	const struct vmx_vcpu *vmx = vmx_vcpu_of(0);
	const struct vmx_caps *caps = &vmx->caps;

	switch (leaf) {
	case 7:
		if (subleaf)
			break;
		/* Neither carried out for the guest nor enabled. */
		if (!vmx->ud_exits && !(vmx->proc2 & PROC2_INVPCID))
			regs[EBX] &= ~(u32)CPUID_7_0_EBX_INVPCID;
		if (!(caps->proc2 & PROC2_USER_WAIT))
			regs[ECX] &= ~(u32)CPUID_7_0_ECX_WAITPKG;
		if (!(caps->cr4_fixed1 & CR4_LA57))
			regs[ECX] &= ~(u32)CPUID_7_0_ECX_LA57;
		regs[EDX] &= ~(u32)CPUID_7_0_EDX_PCONFIG;
		break;
	case 0xd:
		if (subleaf == 1 && !(caps->proc2 & PROC2_XSAVES))
			regs[EAX] &= ~(u32)CPUID_D_1_EAX_XSAVES;
		break;
	case 0x80000001:
		if (!(caps->proc2 & PROC2_RDTSCP))
			regs[EDX] &= ~(u32)CPUID_80000001_EDX_RDTSCP;
		break;
	}
}
