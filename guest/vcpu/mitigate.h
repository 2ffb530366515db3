/* SPDX-License-Identifier: MIT */
/*
 * Speculation across an exit: what this CPU needs beside what the image has on every CPU.
 *
 * Who attacks: the guest's kernel, which owns the machine but for the hypervisor's memory, and the
 * guest's user, who owns nothing. The hypervisor's map shows all of RAM, so that a user who steers its
 * speculation reads the kernel's memory; a kernel would only read the hypervisor's, which has no
 * secret of another guest. Whoever runs beside us on a sibling thread is parked.
 *
 * On every CPU, without an MSR and whatever the guest has left in IA32_SPEC_CTRL:
 * - no indirect branch but arch/thunk.asm's: branch target injection, BHI, ITS;
 * - after an exit no RET without its CALL (the backends' entry.asm): stale return stacks, PBRSB. What
 *   deep calls have pushed out of the return stack was replaced by their own entries;
 * - an index that a guest chooses is masked behind its check (arch/index.h): bounds check bypass. A
 *   physical address is not: beyond a check that is mispredicted there is only hidden memory.
 * tools/check-branches looks for the first two in the linked image.
 *
 * IA32_SPEC_CTRL is the guest's, and stays in force in the hypervisor: bits that are set there do no
 * harm, and only the CPUs of the two guards below need one.
 */
#ifndef GUEST_VCPU_MITIGATE_H
#define GUEST_VCPU_MITIGATE_H

#include "arch/types.h"

struct vcpu;

enum mitigation {
	/* The guest's register values are gone before the first C code after an exit. */
	GUARD_CLEAR = 1 << 0,
	/* VERW before an entry: what loads and stores left in the CPU's buffers (MDS, TAA, stale data by
	 * MMIO, RFDS; AMD: TSA). */
	GUARD_VERW = 1 << 1,
	/* IBPB after an exit: AMD CPUs take RETs, direct branches or none at all for what the guest has
	 * taught them (BTC, SRSO). Thousands of cycles. */
	GUARD_IBPB = 1 << 2,
	/* The L1 data cache is flushed before an entry under EPT, whose guest writes page tables that the
	 * CPU walks (L1TF). Shadow tables name no memory but the guest's: see spte_trap_address(). */
	GUARD_L1D = 1 << 3,
	/* Once, for good: BP_CFG.BpSpecReduce, which is what Zen 5 has against SRSO. */
	GUARD_BP_SPEC_REDUCE = 1 << 4,
	/* Intel from Skylake on: a RET that finds the return stack empty, behind calls deeper than that,
	 * takes its target from where the guest could have put it (RSBA, Retbleed). IBRS is written at
	 * each exit, and the guest's own value is back at each entry. */
	GUARD_IBRS = 1 << 5,
	/* With enhanced IBRS it is enough that the bit stays set, in the guest as well: what the guest
	 * writes is kept for it to read. The same for RRSBA_DIS_S where there is one. */
	GUARD_HOLD_IBRS = 1 << 6,
};

/* What a CPU says of itself; what it does not have is 0. */
struct mitigate_cpu {
	bool amd;         /* AMD or Hygon */
	bool walks_guest; /* it will walk the guest's own tables: nested paging */
	u32 family;       /* as displayed, with the extended family */
	u32 model;        /* with the extended model */
	u32 leaf_7_ebx;   /* CPUID.(7,0) */
	u32 leaf_7_edx;
	u32 leaf_7_2_edx;
	u32 leaf_80000008_ebx;
	u32 leaf_80000021_eax, leaf_80000021_ecx;
	u64 arch_capabilities;
};

/* The guards that a CPU needs, and has the means for: enum mitigation's bits. */
u32 mitigate_needs(const struct mitigate_cpu *cpu);

/* With GUARD_HOLD_IBRS: the bits of IA32_SPEC_CTRL that stay set. */
u64 mitigate_held(const struct mitigate_cpu *cpu);

/* Those of enum mitigation that a CPU can execute, needed or not. */
u32 mitigate_has(const struct mitigate_cpu *cpu);

/* Decide by the CPU and the option, say it in one line, and do what is done once. To be called before
 * vcpu_init(). */
void mitigate_init(struct vcpu *v);

#endif
