/* SPDX-License-Identifier: MIT */
/* The guards of guest/vcpu/mitigate.h on this CPU. */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/desc.h"
#include "arch/insn.h"
#include "arch/safe.h"
#include "guest/machine/backend.h"
#include "guest/machine/machine.h"
#include "guest/vcpu/mitigate.h"

/* For VERW, which the backends' entry.asm execute; IBPB and L1D_FLUSH are numbers there. */
extern const u16 guard_selector;
const u16 guard_selector = SEL_DATA;

static struct mitigate_cpu this_one(const struct machine *m)
{
	struct mitigate_cpu cpu = {.amd = m->ops->amd, .walks_guest = m->paging->cpu_walks_guest};
	u32 id = cpuid(1, 0).eax, extended = cpuid(0x80000000, 0).eax;

	cpu.family = id >> 8 & 0xf;
	if (cpu.family == 0xf)
		cpu.family += id >> 20 & 0xff;
	cpu.model = (id >> 4 & 0xf) | (id >> 12 & 0xf0);
	if (cpuid(0, 0).eax >= 7) {
		cpu.leaf_7_ebx = cpuid(7, 0).ebx;
		cpu.leaf_7_edx = cpuid(7, 0).edx;
		if (cpuid(7, 0).eax >= 2)
			cpu.leaf_7_2_edx = cpuid(7, 2).edx;
	}
	if (extended >= 0x80000008)
		cpu.leaf_80000008_ebx = cpuid(0x80000008, 0).ebx;
	if (extended >= 0x80000021) {
		cpu.leaf_80000021_eax = cpuid(0x80000021, 0).eax;
		cpu.leaf_80000021_ecx = cpuid(0x80000021, 0).ecx;
	}
	if (cpu.leaf_7_edx & CPUID_7_0_EDX_ARCH_CAP)
		rdmsr_safe(MSR_ARCH_CAPABILITIES, &cpu.arch_capabilities);
	return cpu;
}

void mitigate_init(struct vcpu *v)
{
	struct mitigate_cpu cpu = this_one(v->machine);
	u64 bp_cfg;

	switch (v->machine->opt->mitigations) {
	case MITIGATIONS_AUTO:
		v->guards = mitigate_needs(&cpu);
		break;
	case MITIGATIONS_OFF:
		v->guards = 0;
		break;
	case MITIGATIONS_ALL:
		v->guards = mitigate_has(&cpu);
		break;
	}
	if ((v->guards & GUARD_BP_SPEC_REDUCE) && rdmsr_safe(MSR_BP_CFG, &bp_cfg))
		wrmsr_safe(MSR_BP_CFG, bp_cfg | BP_CFG_BP_SPEC_REDUCE);
	if (v->guards & GUARD_HOLD_IBRS) {
		v->spec_ctrl_held = mitigate_held(&cpu);
		rdmsr_safe(MSR_SPEC_CTRL, &v->spec_ctrl);
		wrmsr_safe(MSR_SPEC_CTRL, v->spec_ctrl | v->spec_ctrl_held);
	}
	say("mitigations: %s%s%s%s%s%s%s", v->guards ? "" : "off",
	    v->guards & GUARD_CLEAR ? "registers" : "", v->guards & GUARD_VERW ? ", VERW" : "",
	    v->guards & GUARD_IBPB ? ", IBPB" : "", v->guards & GUARD_L1D ? ", L1D flush" : "",
	    v->guards & (GUARD_IBRS | GUARD_HOLD_IBRS) ? ", IBRS" : "",
	    v->guards & GUARD_BP_SPEC_REDUCE ? ", BpSpecReduce" : "");
}
