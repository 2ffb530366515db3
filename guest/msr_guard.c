/* SPDX-License-Identifier: MIT */
/*
 * MSRs that a guest may read, and write as they are: what memory is where, what the CPU writes by
 * itself, what locks or encrypts. SDM vol. 4; APM vol. 2 appendix A.
 */
#include "arch/cpu.h"
#include "arch/safe.h"
#include "guest/exits.h"

#define SYSCFG_MTRR_FIX_DRAM GENMASK(19, 18) /* below 1 MiB alone: APM vol. 2 7.9.1 */

/* HWCR: what operating systems set for themselves. */
#define HWCR_OPEN                                                                             \
	(BIT(6) /* FFDIS */ | BIT(8) /* IGNNE_EM */ | BIT(9) /* MONMWAIT_DIS */ |             \
	 BIT(10) /* MONMWAIT_USER_EN */ | BIT(17) /* WRAP32DIS */ |                           \
	 BIT(18) /* MCi_STATUS_WREN */ | BIT(24) /* TSC_FREQ_SEL */ | BIT(25) /* CPB_DIS */ | \
	 BIT(30) /* IRPERF_EN */ | BIT(35) /* CPUID_USER_DIS */)

struct guard {
	u32 first, last;
	u64 open; /* bits that a write may change */
};

#define MSR_MEMORY_CTRL 0x33
#define UC_LOCK_DISABLE BIT(28) /* the hypervisor's locked writes to guest tables would fault */

static const struct guard guards[] = {
	{MSR_MEMORY_CTRL, MSR_MEMORY_CTRL, ~UC_LOCK_DISABLE},
	{MSR_SMRR_PHYSBASE, MSR_PRMRR_PHYSMASK, 0},
	{MSR_TME_ACTIVATE, MSR_TME_EXCLUDE_BASE, 0},
	{MSR_DEBUG_INTERFACE, MSR_DEBUG_INTERFACE, 0},
	/* XRSTORS loads what WRMSR is refused. */
	{MSR_XSS, MSR_XSS, ~(u64)XSS_HIDDEN},
	/* A table at a physical address, which the CPU writes. */
	{MSR_HW_FEEDBACK_PTR, MSR_HW_FEEDBACK_LAST, 0},
	{MSR_SYSCFG, MSR_SYSCFG, SYSCFG_MTRR_FIX_DRAM},
	{MSR_HWCR, MSR_HWCR, HWCR_OPEN},
	{MSR_IORR_BASE0, MSR_TOP_MEM, 0},
	{MSR_TOP_MEM2, MSR_TOP_MEM2, 0},
	{MSR_SMM_BASE, MSR_SMM_MASK, 0},
	{MSR_SEV_GHCB, MSR_RMP_END, 0},
	/* mitigate.h: set for good where it is needed. */
	{MSR_BP_CFG, MSR_BP_CFG, ~(u64)BP_CFG_BP_SPEC_REDUCE},
};

static const struct guard *find_guard(u32 msr)
{
	for (u32 i = 0; i < ARRAY_SIZE(guards); i++) {
		if (msr >= guards[i].first && msr <= guards[i].last)
			return &guards[i];
	}
	return NULL;
}

void intercept_guarded_msrs(struct vcpu *v)
{
	for (u32 i = 0; i < ARRAY_SIZE(guards); i++) {
		for (u32 msr = guards[i].first; msr <= guards[i].last; msr++)
			v->ops->intercept_msr(v, msr, false, true);
	}
}

bool msr_write_is_guarded(u32 msr, u64 value)
{
	const struct guard *guard = find_guard(msr);
	u64 old;

	if (!guard)
		return false;
	return !rdmsr_safe(msr, &old) || ((value ^ old) & ~guard->open);
}
