/* SPDX-License-Identifier: MIT */
/*
 * MSRs that no guest's CPU has: what makes the CPU write memory by itself, what would show the
 * hypervisor's own branches and accesses, and the virtualisation that is hidden.
 */
#include "arch/cpu.h"
#include "guest/exit/handlers.h"

#define MSR_IA32_PEBS_ENABLE 0x3f1
#define MSR_IA32_DS_AREA     0x600
#define MSR_RTIT_FIRST       0x560
#define MSR_RTIT_LAST        0x571
#define MSR_RTIT_ADDR_FIRST  0x580
#define MSR_RTIT_ADDR_LAST   0x587
#define MSR_U_CET            0x6a0
#define MSR_S_CET_LAST       0x6a8
#define MSR_PEBS_BASE        0x3f4 /* architectural PEBS: at a linear address */
#define MSR_PEBS_INDEX       0x3f5
/* Architectural LBR: no exit switches it off, so it would show the hypervisor's branches. */
#define MSR_LBR_CTL        0x14ce
#define MSR_LBR_DEPTH      0x14cf
#define MSR_LBR_INFO_FIRST 0x1200
#define MSR_LBR_TO_LAST    0x161f
#define MSR_PMC_FIRST      0x1900 /* of CPUID leaf 23h, PEBS' switches among them */
#define MSR_PMC_LAST       0x19ff

/* AMD's, for which SVM has no switch that every CPU has. Sampling tells addresses of data as well. */
#define MSR_AMD_LBR_SELECT   0xc000010e
#define MSR_AMD_DBG_EXTN_CFG 0xc000010f
#define MSR_AMD_LBR_FIRST    0xc0010300
#define MSR_AMD_LBR_LAST     0xc001031f
#define MSR_IBS_FIRST        0xc0011030
#define MSR_IBS_LAST         0xc001103d
#define MSR_TSC_RATIO        0xc0000104

/* What a hypervisor below this one offers: most are physical addresses that it writes to. */
#define MSR_KVM_WALL_CLOCK_OLD  0x11
#define MSR_KVM_SYSTEM_TIME_OLD 0x12
#define MSR_HYPERV_FIRST        0x40000000
#define MSR_HYPERV_LAST         0x400002ff /* Xen's too */
#define MSR_KVM_FIRST           0x4b564d00
#define MSR_KVM_LAST            0x4b564dff

struct msr_range {
	u32 first, last;
};

/* #GP on every access, as on a CPU that does not have them. */
static const struct msr_range absent[] = {
	{MSR_VMX_BASIC, MSR_VMX_EXIT_CTLS2},
	{MSR_SMM_MONITOR_CTL, MSR_SMM_MONITOR_CTL},
	{MSR_IA32_PEBS_ENABLE, MSR_IA32_PEBS_ENABLE},
	{MSR_IA32_DS_AREA, MSR_IA32_DS_AREA},
	{MSR_RTIT_FIRST, MSR_RTIT_LAST},
	{MSR_RTIT_ADDR_FIRST, MSR_RTIT_ADDR_LAST},
	{MSR_PEBS_BASE, MSR_PEBS_INDEX},
	{MSR_U_CET, MSR_S_CET_LAST},
	{MSR_LBR_CTL, MSR_LBR_DEPTH},
	{MSR_LBR_INFO_FIRST, MSR_LBR_TO_LAST},
	{MSR_PMC_FIRST, MSR_PMC_LAST},
	{MSR_KVM_WALL_CLOCK_OLD, MSR_KVM_SYSTEM_TIME_OLD},
	{MSR_HYPERV_FIRST, MSR_HYPERV_LAST},
	{MSR_KVM_FIRST, MSR_KVM_LAST},
	{MSR_TME_CAPABILITY, MSR_TME_EXCLUDE_BASE},
	{MSR_TSC_RATIO, MSR_TSC_RATIO},
	{MSR_AMD_LBR_SELECT, MSR_AMD_DBG_EXTN_CFG},
	{MSR_AMD_LBR_FIRST, MSR_AMD_LBR_LAST},
	{MSR_IBS_FIRST, MSR_IBS_LAST},
	{MSR_VM_CR, MSR_VM_CR},
	{MSR_VM_HSAVE_PA, MSR_SVM_KEY},
};

bool msr_is_absent(u32 msr)
{
	for (u32 i = 0; i < ARRAY_SIZE(absent); i++) {
		if (msr >= absent[i].first && msr <= absent[i].last)
			return true;
	}
	return false;
}

void intercept_absent_msrs(struct vcpu *v)
{
	for (u32 i = 0; i < ARRAY_SIZE(absent); i++) {
		for (u32 msr = absent[i].first; msr <= absent[i].last; msr++)
			v->ops->intercept_msr(v, msr, true, true);
	}
}
