/* SPDX-License-Identifier: MIT */
/*
 * Lanes: the straight way of what exits most often, from the backend's exit to the next entry.
 *
 * A backend that finds lanes_open(), an exit of a kind that has a lane, and that only the next instruction can
 * follow this one, lane_is_straight(), calls the kind's lane and moves RIP on. It has read no more of the guest
 * than that takes: of struct vcpu, RIP, RFLAGS and RSP are not valid. A lane that returns false has done nothing,
 * and the exit goes the general way: guest_exited(), where all rules are.
 *
 * What a lane does has a bound that is far below the longest exit's (invariant 12): no lane looks at the clock.
 */
#ifndef GUEST_EXIT_LANE_H
#define GUEST_EXIT_LANE_H

#include "arch/console.h"
#include "arch/insn.h"
#include "guest/machine/backend.h"
#include "guest/vcpu/hardware.h"

/*
 * False: something has to be looked at, before this exit or after it. lanes_until is 0 until run_guest()'s first
 * exit is done, so that neither that one nor a self-test's finds them open.
 */
static inline bool lanes_open(const struct vcpu *v)
{
	return v->counters.value[CNT_exits] < v->lanes_until && !(v->mmu.nr_lent | console_busy);
}

/*
 * The instruction that exited is done, and the one at `next` is all that follows: no trap, no RF to clear, no
 * wrap at 4 GiB, where code that is not 64-bit is at home below: nor has it run past that before, which Bochs
 * does not wrap. The interrupt shadow is the backend's to look at.
 */
static inline bool lane_is_straight(u64 next, u64 rflags)
{
	return !(rflags & (RFLAGS_TF | RFLAGS_RF)) && next >> 32 != 1;
}

#define CPUID_LEAF_SGX     0x12
#define CPUID_LEAF_PT      0x14
#define CPUID_LEAF_PCONFIG 0x1b
#define CPUID_LEAF_LBR     0x1c
#define CPUID_LEAF_PERFMON 0x23

/*
 * Basic leaves of which guest/exit/cpuid.c, or a backend's hide_cpuid(), changes something. All others below 40h
 * the guest is given as they are.
 */
#define CPUID_CHANGED_LEAVES                                                              \
	(BIT(1) | BIT(6) | BIT(7) | BIT(0xd) | BIT(CPUID_LEAF_SGX) | BIT(CPUID_LEAF_PT) | \
	 BIT(CPUID_LEAF_PCONFIG) | BIT(CPUID_LEAF_LBR) | BIT(CPUID_LEAF_PERFMON))

/* guest/exit/cpuid.c: the rest of them. */
void answer_cpuid(struct vcpu *v);

static inline void lane_cpuid(struct vcpu *v)
{
	u32 leaf = v->gpr[RAX];

	count(&v->counters, exits);
	count(&v->counters, exits_cpuid);
	if (likely(leaf < 64 && !(CPUID_CHANGED_LEAVES & BIT(leaf))))
		cpuid_gprs(&v->gpr[RAX], &v->gpr[RBX], &v->gpr[RCX], &v->gpr[RDX]);
	else
		answer_cpuid(v);
}

/*
 * MOV to and from CR3 in the kernel's 64-bit code, with a register that is valid. After a write it is left to
 * the backend to load v->root and to forget every translation.
 */
static inline bool lane_cr3_write(struct vcpu *v, u64 value)
{
	if (v->mmu.regs.cr4 & CR4_PCIDE)
		value &= ~CR3_NOFLUSH;
	/* With a bit that is reserved it names no RAM. */
	if (unlikely(!mmu_switch_cr3(&v->mmu, value)))
		return false;
	count(&v->counters, exits);
	count(&v->counters, exits_cr3_write);
	count(&v->counters, tlb_flush);
	v->root = v->mmu.hw.root;
	if (unlikely((v->mmu.hw.filter_present != v->filter_present) |
		     (v->mmu.hw.filter_user != v->filter_user)))
		commit_hardware(v);
	return true;
}

static inline bool lane_cr3_read(struct vcpu *v, u64 *gpr)
{
	if (unlikely(!guest_in_long_mode(v)))
		return false;
	count(&v->counters, exits);
	count(&v->counters, exits_cr_read);
	*gpr = v->mmu.regs.cr3;
	return true;
}

#endif
