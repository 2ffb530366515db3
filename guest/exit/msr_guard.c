/* SPDX-License-Identifier: MIT */
/*
 * MSRs that a guest may read, and write as they are: what memory is where, what the CPU writes by
 * itself, what locks or encrypts, and what acts on the machine outside of the CPU: voltage, system
 * management. SDM vol. 4; APM vol. 2 appendix A; AMD's BIOS and kernel developer's guides.
 */
#include "arch/cpu.h"
#include "arch/safe.h"
#include "guest/exit/handlers.h"

/* HWCR: what operating systems set for themselves. */
#define HWCR_OPEN                                                                             \
	(BIT(6) /* FFDIS */ | BIT(8) /* IGNNE_EM */ | BIT(9) /* MONMWAIT_DIS */ |             \
	 BIT(10) /* MONMWAIT_USER_EN */ | BIT(17) /* WRAP32DIS */ |                           \
	 BIT(18) /* MCi_STATUS_WREN */ | BIT(24) /* TSC_FREQ_SEL */ | BIT(25) /* CPB_DIS */ | \
	 BIT(30) /* IRPERF_EN */ | BIT(35) /* CPUID_USER_DIS */)

struct guard {
	u32 first, last;
	u64 open; /* bits that a write may change */
	bool amd; /* the number is something else on other CPUs, or open there */
};

static const struct guard guards[] = {
	/* MEMORY_CTRL: with UC-lock disable the hypervisor's locked writes to guest tables would fault. */
	{0x33, 0x33, ~BIT(28), false},
	{MSR_SMBASE, MSR_SMBASE, 0, false},
	/* An IN from such a port is a sleep in place of an access, and the hypervisor reads ports; the lock. */
	{MSR_CST_CONFIG_CONTROL, MSR_CST_CONFIG_CONTROL, ~(BIT(10) | BIT(15)), false},
	{MSR_PMG_IO_CAPTURE_BASE, MSR_PMG_IO_CAPTURE_BASE, 0, false},
	{MSR_OC_MAILBOX, MSR_OC_MAILBOX, 0, false},
	{MSR_SMRR_PHYSBASE, MSR_PRMRR_PHYSMASK, 0, false},
	/* Intel's, without a name in the manual that all models share. */
	{0x1fb, 0x1fb, 0, false},       /* PRMRR_VALID_CONFIG */
	{0x1fc, 0x1fc, ~BIT(0), false}, /* POWER_CTL: bi-directional PROCHOT */
	{0x2a0, 0x2a7, 0, false},       /* PRMRR_BASE_0 to 7 */
	{0x2f4, 0x2f5, 0, false},       /* UNCORE_PRMRR */
	{0x4e0, 0x4e3, 0, false},       /* SMM_FEATURE_CONTROL to SMM_BLOCKED */
	{0x601, 0x601, 0, false},       /* VR_CURRENT_CONFIG */
	{0x603, 0x603, 0, false},       /* VR_MISC_CONFIG */
	{MSR_DEBUG_INTERFACE, MSR_DEBUG_INTERFACE, 0, false},
	/* XRSTORS loads what WRMSR is refused. */
	{MSR_XSS, MSR_XSS, ~(u64)XSS_HIDDEN, false},
	/* A table at a physical address, which the CPU writes. */
	{MSR_HW_FEEDBACK_PTR, MSR_HW_FEEDBACK_LAST, 0, false},
	/* On AMD no exit switches it off: it would show the hypervisor's branches. */
	{MSR_DEBUGCTL, MSR_DEBUGCTL, ~(u64)DEBUGCTL_LBR, true},
	/* MtrrFixDram: below 1 MiB alone, APM vol. 2 7.9.1. */
	{MSR_SYSCFG, MSR_SYSCFG, GENMASK(19, 18), false},
	{MSR_HWCR, MSR_HWCR, HWCR_OPEN, false},
	{MSR_IORR_BASE0, MSR_TOP_MEM, 0, false},
	{MSR_TOP_MEM2, MSR_TOP_MEM2, 0, false},
	{0xc001001f, 0xc001001f, BIT(46), false}, /* NB_CFG: EnableCf8ExtCfg, which Linux sets */
	{0xc0010022, 0xc0010022, 0, false},       /* redirection of machine checks to an SMI */
	{0xc0010041, 0xc0010041, 0, false},       /* FIDVID_CTL */
	{0xc0010050, 0xc0010054, 0, false},       /* SMI_ON_IO_TRAP */
	/* INT_PENDING: the CPU writes to a port by itself, or raises an SMI; SMI_TRIGGER_IO. */
	{0xc0010055, 0xc0010056, 0, false},
	{0xc0010064, 0xc001006b, 0, false}, /* P-states, each with its voltage */
	{0xc0010070, 0xc0010070, 0, false}, /* COFVID_CTL */
	/* CSTATE_BASE: ports whose IN is a C-state in place of an access. */
	{0xc0010073, 0xc0010073, 0, false},
	{MSR_SMM_BASE, MSR_SMM_MASK, 0, false},
	{0xc0010116, 0xc0010116, 0, false}, /* SMM_CTL */
	{0xc0010119, 0xc001011b, 0, false}, /* SMM_KEY to the doorbell of AVIC */
	{MSR_SEV_GHCB, MSR_RMP_END, 0, false},
	{0xc0010136, 0xc0010136, 0, false}, /* RMP_CFG */
	/* mitigate.h: set for good where it is needed. */
	{MSR_BP_CFG, MSR_BP_CFG, ~(u64)BP_CFG_BP_SPEC_REDUCE, false},
};

static const struct guard *find_guard(u32 msr)
{
	for (u32 i = 0; i < ARRAY_SIZE(guards); i++) {
		if (msr >= guards[i].first && msr <= guards[i].last)
			return &guards[i];
	}
	return NULL;
}

/*
 * AMD's machine check banks: what an error raises, which may be an SMI. The thresholds' IntType (APM vol. 2, 9),
 * in the old MSRs, of which the first is bank 4's, and in those of each bank that came later; there MCA_CONFIG's
 * DeferredIntType too (PPR for Family 17h).
 */
#define MCA_FIRST    0xc0002000U
#define MCA_BANKS    64
#define MCA_CONFIG   4
#define INT_TYPE_SMI 2

static bool raises_smi(u32 msr, u64 value)
{
	u32 nr = msr - MCA_FIRST < 16 * MCA_BANKS ? msr % 16 : 0;

	if (nr == MCA_CONFIG)
		return (value >> 37 & 3) == INT_TYPE_SMI;
	if (msr != 0x413 && (msr < 0xc0000408 || msr > 0xc000040a) && nr != 3 &&
	    (nr < 10 || nr > 13))
		return false;
	return (value >> 49 & 3) == INT_TYPE_SMI;
}

void intercept_guarded_msrs(struct vcpu *v)
{
	/* Those of MCA_FIRST exit by themselves: APM vol. 2 15.11. */
	for (u32 msr = 0xc0000408; v->ops->amd && msr <= 0xc000040a; msr++)
		v->ops->intercept_msr(v, msr, false, true);
	if (v->ops->amd)
		v->ops->intercept_msr(v, 0x413, false, true);
	for (u32 i = 0; i < ARRAY_SIZE(guards); i++) {
		if (guards[i].amd && !v->ops->amd)
			continue;
		for (u32 msr = guards[i].first; msr <= guards[i].last; msr++)
			v->ops->intercept_msr(v, msr, false, true);
	}
}

bool msr_write_is_guarded(u32 msr, u64 value)
{
	const struct guard *guard = find_guard(msr);
	u64 old;

	if (!guard)
		return raises_smi(msr, value);
	return !rdmsr_safe(msr, &old) || ((value ^ old) & ~guard->open);
}
