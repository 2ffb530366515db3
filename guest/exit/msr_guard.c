/* SPDX-License-Identifier: MIT */
/*
 * MSRs that a guest may read, and write as they are: what memory is where, what the CPU writes by
 * itself, what locks or encrypts, and what acts on the machine outside of the CPU: voltage, system
 * management. SDM vol. 4; APM vol. 2 appendix A; AMD's BIOS and kernel developer's guides.
 */
#include "arch/cpu.h"
#include "arch/safe.h"
#include "guest/exit/handlers.h"

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
	bool amd; /* the number is something else on other CPUs, or open there */
};

#define MSR_MEMORY_CTRL 0x33
#define UC_LOCK_DISABLE BIT(28) /* the hypervisor's locked writes to guest tables would fault */

/* An IN from such a port is a sleep in place of an access, and the hypervisor reads ports. */
#define CST_IO_MWAIT BIT(10)
#define CST_LOCK     BIT(15)

/* Intel's, without a name in the manual that all models share. */
#define MSR_POWER_CTL           0x1fc
#define POWER_CTL_PROCHOT       BIT(0)
#define MSR_PRMRR_VALID_CONFIG  0x1fb
#define MSR_PRMRR_BASE_0        0x2a0
#define MSR_PRMRR_BASE_7        0x2a7
#define MSR_UNCORE_PRMRR_BASE   0x2f4
#define MSR_UNCORE_PRMRR_MASK   0x2f5
#define MSR_SMM_FEATURE_CONTROL 0x4e0
#define MSR_SMM_BLOCKED         0x4e3
#define MSR_VR_CURRENT_CONFIG   0x601
#define MSR_VR_MISC_CONFIG      0x603

/* AMD's. */
#define MSR_NB_CFG               0xc001001f
#define NB_CFG_CF8_EXT           BIT(46)    /* Linux sets it */
#define MSR_MC_REDIRECTION       0xc0010022 /* to an SMI */
#define MSR_FIDVID_CTL           0xc0010041
#define MSR_SMI_ON_IO_TRAP_FIRST 0xc0010050
#define MSR_SMI_ON_IO_TRAP_LAST  0xc0010054
#define MSR_INT_PENDING          0xc0010055 /* the CPU writes to a port by itself, or raises an SMI */
#define MSR_SMI_TRIGGER_IO       0xc0010056
#define MSR_CSTATE_BASE          0xc0010073 /* ports whose IN is a C-state in place of an access */
#define MSR_PSTATE_FIRST         0xc0010064 /* each with its voltage */
#define MSR_PSTATE_LAST          0xc001006b
#define MSR_COFVID_CTL           0xc0010070
#define MSR_SMM_CTL              0xc0010116
#define MSR_SMM_KEY              0xc0010119
#define MSR_AVIC_DOORBELL        0xc001011b

#define CLOSED(first, last)           \
	{                             \
		first, last, 0, false \
	}
#define OPEN(msr, bits)               \
	{                             \
		msr, msr, bits, false \
	}

static const struct guard guards[] = {
	OPEN(MSR_MEMORY_CTRL, ~UC_LOCK_DISABLE),
	CLOSED(MSR_SMBASE, MSR_SMBASE),
	OPEN(MSR_CST_CONFIG_CONTROL, ~(CST_IO_MWAIT | CST_LOCK)),
	CLOSED(MSR_PMG_IO_CAPTURE_BASE, MSR_PMG_IO_CAPTURE_BASE),
	CLOSED(MSR_OC_MAILBOX, MSR_OC_MAILBOX),
	CLOSED(MSR_SMRR_PHYSBASE, MSR_PRMRR_PHYSMASK),
	CLOSED(MSR_PRMRR_VALID_CONFIG, MSR_PRMRR_VALID_CONFIG),
	OPEN(MSR_POWER_CTL, ~POWER_CTL_PROCHOT),
	CLOSED(MSR_PRMRR_BASE_0, MSR_PRMRR_BASE_7),
	CLOSED(MSR_UNCORE_PRMRR_BASE, MSR_UNCORE_PRMRR_MASK),
	CLOSED(MSR_SMM_FEATURE_CONTROL, MSR_SMM_BLOCKED),
	CLOSED(MSR_VR_CURRENT_CONFIG, MSR_VR_CURRENT_CONFIG),
	CLOSED(MSR_VR_MISC_CONFIG, MSR_VR_MISC_CONFIG),
	CLOSED(MSR_DEBUG_INTERFACE, MSR_DEBUG_INTERFACE),
	/* XRSTORS loads what WRMSR is refused. */
	OPEN(MSR_XSS, ~(u64)XSS_HIDDEN),
	/* A table at a physical address, which the CPU writes. */
	CLOSED(MSR_HW_FEEDBACK_PTR, MSR_HW_FEEDBACK_LAST),
	/* On AMD no exit switches it off: it would show the hypervisor's branches. */
	{MSR_DEBUGCTL, MSR_DEBUGCTL, ~(u64)DEBUGCTL_LBR, true},
	OPEN(MSR_SYSCFG, SYSCFG_MTRR_FIX_DRAM),
	OPEN(MSR_HWCR, HWCR_OPEN),
	CLOSED(MSR_IORR_BASE0, MSR_TOP_MEM),
	CLOSED(MSR_TOP_MEM2, MSR_TOP_MEM2),
	OPEN(MSR_NB_CFG, NB_CFG_CF8_EXT),
	CLOSED(MSR_MC_REDIRECTION, MSR_MC_REDIRECTION),
	CLOSED(MSR_FIDVID_CTL, MSR_FIDVID_CTL),
	CLOSED(MSR_SMI_ON_IO_TRAP_FIRST, MSR_SMI_ON_IO_TRAP_LAST),
	CLOSED(MSR_INT_PENDING, MSR_SMI_TRIGGER_IO),
	CLOSED(MSR_PSTATE_FIRST, MSR_PSTATE_LAST),
	CLOSED(MSR_COFVID_CTL, MSR_COFVID_CTL),
	CLOSED(MSR_CSTATE_BASE, MSR_CSTATE_BASE),
	CLOSED(MSR_SMM_BASE, MSR_SMM_MASK),
	CLOSED(MSR_SMM_CTL, MSR_SMM_CTL),
	CLOSED(MSR_SMM_KEY, MSR_AVIC_DOORBELL),
	CLOSED(MSR_SEV_GHCB, MSR_RMP_END),
	/* mitigate.h: set for good where it is needed. */
	OPEN(MSR_BP_CFG, ~(u64)BP_CFG_BP_SPEC_REDUCE),
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
		return false;
	return !rdmsr_safe(msr, &old) || ((value ^ old) & ~guard->open);
}
