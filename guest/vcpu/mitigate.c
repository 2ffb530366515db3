/* SPDX-License-Identifier: MIT */
/* What a CPU needs against speculation across an exit, by what it says of itself. */
#include "guest/vcpu/mitigate.h"

#include "arch/cpu.h"

/* A CPU whose microcode has VERW overwrite its buffers says so, and which leak it does not have. */
static bool intel_needs_verw(const struct mitigate_cpu *cpu)
{
	u64 caps = cpu->arch_capabilities;
	bool md_clear = cpu->leaf_7_edx & CPUID_7_0_EDX_MD_CLEAR;
	u64 mmio_no = ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO;

	if (md_clear && !(caps & ARCH_CAP_MDS_NO))
		return true;
	if (md_clear && !(caps & ARCH_CAP_TAA_NO) && (cpu->leaf_7_ebx & CPUID_7_0_EBX_RTM))
		return true;
	if ((caps & ARCH_CAP_FB_CLEAR) && (caps & mmio_no) != mmio_no)
		return true;
	return (caps & ARCH_CAP_RFDS_CLEAR) && !(caps & ARCH_CAP_RFDS_NO);
}

/* Those of Skylake's line without enhanced IBRS, of family 6: some have no MSR that tells. */
static bool is_skylake(const struct mitigate_cpu *cpu)
{
	static const u8 models[] = {0x4e, 0x55, 0x5e, 0x66, 0x8e, 0x9e, 0xa5, 0xa6};

	for (u32 i = 0; i < ARRAY_SIZE(models); i++) {
		if (cpu->family == 6 && cpu->model == models[i])
			return true;
	}
	return false;
}

static u32 intel_needs(const struct mitigate_cpu *cpu)
{
	u64 no_l1tf = ARCH_CAP_RDCL_NO | ARCH_CAP_SKIP_L1DFL_VMENTRY;
	u32 needs = GUARD_CLEAR;

	if (intel_needs_verw(cpu))
		needs |= GUARD_VERW;
	if (!(cpu->arch_capabilities & no_l1tf))
		needs |= GUARD_L1D;
	if (cpu->arch_capabilities & ARCH_CAP_IBRS_ALL)
		needs |= GUARD_HOLD_IBRS;
	else if ((cpu->arch_capabilities & (ARCH_CAP_RSBA | ARCH_CAP_RRSBA)) || is_skylake(cpu))
		needs |= GUARD_IBRS;
	return needs;
}

/*
 * Families: 15h Bulldozer, 16h Jaguar, 17h Zen 1 and 2, 18h Hygon's, 19h Zen 3 and 4, 1Ah Zen 5. The
 * latter two need microcode whose IBPB forgets types of branches too, and which says so.
 */
static u32 amd_needs(const struct mitigate_cpu *cpu)
{
	u32 eax = cpu->leaf_80000021_eax, ecx = cpu->leaf_80000021_ecx;
	bool btc = cpu->family >= 0x15 && cpu->family <= 0x18 &&
		   !(cpu->leaf_80000008_ebx & CPUID_80000008_EBX_BTC_NO);
	bool srso =
		(cpu->family == 0x19 || cpu->family == 0x1a) && !(eax & CPUID_80000021_EAX_SRSO_NO);
	bool tsa_no = (ecx & CPUID_80000021_ECX_TSA_SQ_NO) && (ecx & CPUID_80000021_ECX_TSA_L1_NO);
	u32 needs = GUARD_CLEAR;

	if (srso && (eax & CPUID_80000021_EAX_SPEC_REDUCE))
		needs |= GUARD_BP_SPEC_REDUCE;
	else if (btc || (srso && (eax & CPUID_80000021_EAX_IBPB_BRTYPE)))
		needs |= GUARD_IBPB;
	if (cpu->family == 0x19 && (eax & CPUID_80000021_EAX_VERW_CLEAR) && !tsa_no)
		needs |= GUARD_VERW;
	return needs;
}

u64 mitigate_held(const struct mitigate_cpu *cpu)
{
	bool rrsba = (cpu->arch_capabilities & ARCH_CAP_RRSBA) &&
		     (cpu->leaf_7_2_edx & CPUID_7_2_EDX_RRSBA_CTRL);

	return SPEC_CTRL_IBRS | (rrsba ? SPEC_CTRL_RRSBA_DIS_S : 0);
}

u32 mitigate_has(const struct mitigate_cpu *cpu)
{
	u32 has = GUARD_CLEAR | GUARD_VERW;

	if ((cpu->leaf_80000008_ebx & CPUID_80000008_EBX_IBPB) ||
	    (!cpu->amd && (cpu->leaf_7_edx & CPUID_7_0_EDX_IBRS_IBPB)))
		has |= GUARD_IBPB;
	if (!cpu->amd && (cpu->leaf_7_edx & CPUID_7_0_EDX_IBRS_IBPB)) {
		has |= GUARD_IBRS;
		if (cpu->arch_capabilities & ARCH_CAP_IBRS_ALL)
			has |= GUARD_HOLD_IBRS;
	}
	if (!cpu->amd && cpu->walks_guest && (cpu->leaf_7_edx & CPUID_7_0_EDX_L1D_FLUSH))
		has |= GUARD_L1D;
	if (cpu->amd && (cpu->leaf_80000021_eax & CPUID_80000021_EAX_SPEC_REDUCE))
		has |= GUARD_BP_SPEC_REDUCE;
	return has;
}

u32 mitigate_needs(const struct mitigate_cpu *cpu)
{
	return (cpu->amd ? amd_needs(cpu) : intel_needs(cpu)) & mitigate_has(cpu);
}
