/* SPDX-License-Identifier: MIT */
/*
 * MSRs that no guest's CPU has: what makes the CPU write memory by itself, what would show the
 * hypervisor's own branches and accesses, and those of the features that CPUID hides.
 */
#include "arch/cpu.h"
#include "guest/exit/handlers.h"

/* #GP on every access, as on a CPU that does not have them. */
static const struct {
	u32 first, last;
} absent[] = {
	{MSR_VMX_BASIC, MSR_VMX_EXIT_CTLS2},
	{MSR_SMM_MONITOR_CTL, MSR_SMM_MONITOR_CTL},
	{MSR_TME_CAPABILITY, MSR_TME_EXCLUDE_BASE},
	{0x3f1, 0x3f1}, /* IA32_PEBS_ENABLE */
	{0x3f4, 0x3f5}, /* architectural PEBS: at a linear address */
	{0x560, 0x571}, /* IA32_RTIT_*: processor trace, its buffers and state */
	{0x580, 0x587}, /* its address ranges */
	{0x600, 0x600}, /* IA32_DS_AREA */
	{0x6a0, 0x6a8}, /* IA32_U_CET, IA32_S_CET, shadow stacks */
	/* Of what else CPUID hides. */
	{0x08c, 0x08f}, /* SGX: the hash of who may launch enclaves */
	{0x500, 0x500}, /* its version */
	{0x1cc, 0x1d4}, /* FRED */
	{MSR_PKRS, MSR_PKRS},
	{0x985, 0x98a}, /* user interrupts */
	{0x01c, 0x01c}, /* which MSRs a user has */
	{0x02f, 0x02f}, /* the barrier of lists of MSRs */
	{0x990, 0x990}, /* Key Locker: its copies */
	{0x9fb, 0x9fb},
	{0xd91, 0xd93}, /* the copying itself, PASID */
	/* Architectural LBR: no exit switches it off, so it would show the hypervisor's branches. */
	{0x1200, 0x161f},
	{0x1900, 0x19ff}, /* counters of CPUID leaf 23h, PEBS' switches among them */
	/* AMD's, for which SVM has no switch that every CPU has. Sampling tells addresses of data as well. */
	{0xc0000104, 0xc0000104}, /* TSC ratio */
	{0xc000010e, 0xc000010f}, /* LBR_SELECT, DBG_EXTN_CFG */
	{0xc0010300, 0xc001031f}, /* LBR stack */
	{0xc0011030, 0xc001103d}, /* IBS */
	{MSR_VM_CR, MSR_VM_CR},
	{MSR_VM_HSAVE_PA, MSR_SVM_KEY},
	/* What a hypervisor below this one offers: most are physical addresses that it writes to. */
	{0x11, 0x12},             /* KVM's clocks, their old numbers */
	{0x40000000, 0x4000ffff}, /* Hyper-V's, those of one that is nested too; Xen's */
	{0x4b564d00, 0x4b564dff}, /* KVM's */
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
