/* SPDX-License-Identifier: MIT */
/* CPUID as the guest sees it: the CPU's own, without what the hypervisor keeps for itself. */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/string.h"
#include "guest/exit/exit.h"
#include "guest/exit/handlers.h"
#include "guest/exit/lane.h"
#include "guest/hypercall.h"
#include "guest/machine/machine.h"
#include "guest/machine/report.h"
#include "guest/vcpu/instruction.h"

enum { EAX, EBX, ECX, EDX };

/* Leaf 1. Debug store and processor trace write memory behind the shadow tables' back. */
#define HIDDEN_1_ECX (CPUID_1_ECX_VMX | CPUID_1_ECX_SMX | BIT(2) /* DTES64 */ | BIT(4) /* DS-CPL */)
#define HIDDEN_1_EDX BIT(21) /* DS */
/* Leaf 6. Hardware feedback writes to physical memory. */
#define HIDDEN_6_EAX (BIT(19) /* HFI */ | BIT(23) /* thread director */)
/* Leaf 7: paging features that are not offered, enclaves, and keys that take address bits away. */
#define HIDDEN_7_EBX (BIT(2) /* SGX */ | BIT(25) /* PT */)
#define HIDDEN_7_ECX                                                                               \
	(CPUID_7_0_ECX_CET_SS | CPUID_7_0_ECX_TME | BIT(23) /* Key Locker */ | CPUID_7_0_ECX_PKS | \
	 BIT(29) /* ENQCMD */ | BIT(30) /* SGX_LC */)
#define HIDDEN_7_EDX (CPUID_7_0_EDX_CET_IBT | BIT(5) /* UINTR */ | BIT(19) /* architectural LBR */)

/*
 * Leaf 7, subleaf 1: they change paging, exceptions, or how addresses are read. Architectural PEBS,
 * which the perfmon leaf tells of, writes to linear addresses, the hypervisor's while it runs. MSRs by a list
 * or by a user, and registers or prefixes that are not decoded.
 */
#define HIDDEN_7_1_EAX                                                                         \
	(BIT(6) /* LASS */ | BIT(8) /* leaf 23h */ | BIT(17) /* FRED */ | BIT(18) /* LKGS */ | \
	 BIT(20) /* NMI_SRC */ | BIT(26) /* LAM */ | BIT(27) /* MSRLIST */)
#define HIDDEN_7_1_ECX BIT(5) /* MSR_IMM: RDMSR and WRMSRNS that name the MSR in the instruction */
#define HIDDEN_7_1_EDX (BIT(15) /* USER_MSR */ | BIT(18) /* CET_SSS */ | BIT(21) /* APX_F */)
/* AMD: EFER bits that guests are not given. */
#define HIDDEN_80000001_ECX \
	(CPUID_80000001_ECX_SVM | BIT(10) /* IBS */ | CPUID_80000001_ECX_SKINIT | BIT(17) /* TCE */)
#define HIDDEN_80000008_EBX (BIT(8) /* MCOMMIT */ | BIT(13) /* INT_WBINVD */)
#define HIDDEN_80000021_EAX (BIT(7) /* UAI */ | BIT(8) /* automatic IBRS */)
#define HIDDEN_80000022_EAX (BIT(1) /* LBR stack */ | BIT(2) /* and its freeze */)

#define LEAF_SVM            0x8000000a
#define LEAF_IBS            0x8000001b

static void our_leaf(const struct vcpu *v, u32 leaf, u32 subleaf, u32 regs[4])
{
	memset(regs, 0, 4 * sizeof(u32));
	switch (leaf) {
	case NOTRAP_CPUID_BASE:
		regs[EAX] = NOTRAP_CPUID_COUNTER;
		memcpy(&regs[EBX], "notr", 4);
		memcpy(&regs[ECX], "apno", 4);
		memcpy(&regs[EDX], "trap", 4);
		break;
	case NOTRAP_CPUID_INFO:
		regs[EAX] = NOTRAP_VERSION;
		regs[EBX] = (v->ops->amd ? NOTRAP_INFO_SVM : 0) |
			    (v->machine->bypass ? NOTRAP_INFO_BYPASS : 0) |
			    v->machine->paging->info;
		break;
	case NOTRAP_CPUID_COUNTER:
		if (subleaf >= NR_COUNTERS)
			break;
		regs[EAX] = (u32)counter_read(&v->counters, subleaf);
		regs[EDX] = counter_read(&v->counters, subleaf) >> 32;
		regs[EBX] = NR_COUNTERS;
		break;
	}
}

static void guest_cpuid(const struct vcpu *v, u32 leaf, u32 subleaf, u32 regs[4])
{
	struct cpuid c;
	u8 bits;

	if (leaf >= NOTRAP_CPUID_BASE && leaf <= NOTRAP_CPUID_BASE + 0xffff) {
		our_leaf(v, leaf, subleaf, regs);
		return;
	}
	c = cpuid(leaf, subleaf);
	regs[EAX] = c.eax;
	regs[EBX] = c.ebx;
	regs[ECX] = c.ecx;
	regs[EDX] = c.edx;
	switch (leaf) {
	case 1:
		regs[ECX] &= ~(HIDDEN_1_ECX | CPUID_1_ECX_OSXSAVE);
		regs[ECX] |= CPUID_1_ECX_HYPERVISOR;
		if (v->ops->get_cr(v, 4) & CR4_OSXSAVE)
			regs[ECX] |= CPUID_1_ECX_OSXSAVE;
		regs[EDX] &= ~HIDDEN_1_EDX;
		break;
	case 7:
		if (subleaf == 1) {
			regs[EAX] &= ~HIDDEN_7_1_EAX;
			regs[ECX] &= ~(u32)HIDDEN_7_1_ECX;
			regs[EDX] &= ~HIDDEN_7_1_EDX;
		}
		if (subleaf)
			break;
		regs[EBX] &= ~HIDDEN_7_EBX;
		regs[ECX] &= ~(HIDDEN_7_ECX | CPUID_7_0_ECX_OSPKE);
		if (v->ops->get_cr(v, 4) & CR4_PKE)
			regs[ECX] |= CPUID_7_0_ECX_OSPKE;
		regs[EDX] &= ~HIDDEN_7_EDX;
		break;
	case 6:
		regs[EAX] &= ~HIDDEN_6_EAX;
		break;
	case 0xd:
		if (subleaf == 0)
			regs[EAX] &= ~(u32)XCR0_APX;
		else if (subleaf == 1)
			regs[ECX] &= ~(u32)XSS_HIDDEN;
		else if (subleaf == XSTATE_APX)
			memset(regs, 0, 4 * sizeof(u32));
		break;
	case CPUID_LEAF_SGX:
	case CPUID_LEAF_PT:
	case CPUID_LEAF_KEYS:
	case CPUID_LEAF_PCONFIG:
	case CPUID_LEAF_LBR:
	case CPUID_LEAF_PERFMON:
	case CPUID_LEAF_APX:
	case LEAF_SVM:
	case LEAF_IBS:
		memset(regs, 0, 4 * sizeof(u32));
		break;
	case 0x80000008:
		regs[EBX] &= ~HIDDEN_80000008_EBX;
		bits = v->machine->maxphyaddr;
		if (bits > v->machine->paging->phys_bits)
			bits = v->machine->paging->phys_bits;
		regs[EAX] = (regs[EAX] & ~0xffU) | bits;
		break;
	case 0x80000001:
		regs[ECX] &= ~HIDDEN_80000001_ECX;
		break;
	case 0x80000021:
		regs[EAX] &= ~HIDDEN_80000021_EAX;
		break;
	case 0x80000022:
		regs[EAX] &= ~(u32)HIDDEN_80000022_EAX;
		break;
	}
	v->ops->hide_cpuid(leaf, subleaf, regs);
}

void answer_cpuid(struct vcpu *v)
{
	u32 regs[4], leaf = (u32)v->gpr[RAX];

	guest_cpuid(v, leaf, (u32)v->gpr[RCX], regs);
	/* Intel's CPUs tell it to 64-bit code alone: SDM vol. 2A, CPUID. */
	if (leaf == 0x80000001 && !v->ops->amd && !guest_code_is_64bit(v))
		regs[EDX] &= ~(u32)CPUID_80000001_EDX_SYSCALL;
	v->gpr[RAX] = regs[EAX];
	v->gpr[RBX] = regs[EBX];
	v->gpr[RCX] = regs[ECX];
	v->gpr[RDX] = regs[EDX];
}

void handle_cpuid(struct vcpu *v, const struct vmexit *exit)
{
	answer_cpuid(v);
	insn_skip(v, exit);
}

/* A control register bit exists when the guest's CPUID says so: SDM vol. 3A 2.5. */
struct cr4_feature {
	u64 bits;
	u32 leaf;
	u8 reg, bit;
};

static const struct cr4_feature cr4_features[] = {
	{CR4_VME | CR4_PVI, 1, EDX, 1}, {CR4_TSD, 1, EDX, 4},      {CR4_DE, 1, EDX, 2},
	{CR4_PSE, 1, EDX, 3},           {CR4_PAE, 1, EDX, 6},      {CR4_MCE, 1, EDX, 7},
	{CR4_PGE, 1, EDX, 13},          {CR4_OSFXSR, 1, EDX, 24},  {CR4_OSXMMEXCPT, 1, EDX, 25},
	{CR4_PCIDE, 1, ECX, 17},        {CR4_OSXSAVE, 1, ECX, 26}, {CR4_FSGSBASE, 7, EBX, 0},
	{CR4_SMEP, 7, EBX, 7},          {CR4_SMAP, 7, EBX, 20},    {CR4_UMIP, 7, ECX, 2},
	{CR4_PKE, 7, ECX, 3},           {CR4_LA57, 7, ECX, 16},
};

/* Bit `bit` of register `reg` of a basic leaf, as the guest reads it. */
static bool guest_has(const struct vcpu *v, u32 leaf, u8 reg, u8 bit)
{
	u32 regs[4];

	guest_cpuid(v, 0, 0, regs);
	if (regs[EAX] < leaf)
		return false;
	guest_cpuid(v, leaf, 0, regs);
	return regs[reg] & BIT(bit);
}

void cpuid_limits(struct machine *machine)
{
	const struct vcpu *v = &machine->vcpu;
	u32 regs[4];

	machine->cr4_allowed = CR4_PCE;
	for (u32 i = 0; i < ARRAY_SIZE(cr4_features); i++) {
		const struct cr4_feature *f = &cr4_features[i];

		if (guest_has(v, f->leaf, f->reg, f->bit))
			machine->cr4_allowed |= f->bits;
	}
	machine->invpcid = guest_has(v, 7, EBX, 10);
	guest_cpuid(v, 0x80000001, 0, regs);
	machine->efer_allowed = EFER_LME;
	if (regs[EDX] & CPUID_80000001_EDX_SYSCALL)
		machine->efer_allowed |= EFER_SCE;
	if (regs[EDX] & CPUID_80000001_EDX_NX)
		machine->efer_allowed |= EFER_NXE;
	if (regs[EDX] & BIT(25))
		machine->efer_allowed |= EFER_FFXSR;
}
