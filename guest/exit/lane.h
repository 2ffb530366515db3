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

#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/insn/exec.h"
#include "guest/machine/backend.h"
#include "guest/vcpu/hardware.h"

/*
 * False: something has to be looked at, before this exit or after it: lanes_until says of which exit's number on,
 * or is 0, as it is until run_guest()'s first exit is done, so that a self-test's finds no lane open either.
 */
static inline bool lanes_open(const struct vcpu *v)
{
	return v->counters.value[CNT_exits] < v->lanes_until;
}

/* The next exit goes the general way, which opens the lanes again. */
static inline void lanes_shut(struct vcpu *v)
{
	v->lanes_until = 0;
}

/*
 * The instruction that exited is done, and no trap follows, nor is there an RF to clear. The interrupt shadow is
 * the backend's to look at.
 */
static inline bool lane_is_straight(u64 rflags)
{
	return !(rflags & (RFLAGS_TF | RFLAGS_RF));
}

/*
 * What 64-bit code does with a register's value, and then goes on at `next`, other code would do as well: it has
 * registers of 32 bits, and wraps at 4 GiB; it is at home below. (Bochs does not wrap it: it may have run past.)
 */
static inline bool lane_is_same(u64 next, u64 value)
{
	return (s64)next < 0 || !((next | value) >> 32);
}

#define CPUID_LEAF_SGX     0x12
#define CPUID_LEAF_PT      0x14
#define CPUID_LEAF_KEYS    0x19 /* Key Locker's */
#define CPUID_LEAF_PCONFIG 0x1b
#define CPUID_LEAF_LBR     0x1c
#define CPUID_LEAF_PERFMON 0x23
#define CPUID_LEAF_APX     0x29

/*
 * Basic leaves of which guest/exit/cpuid.c, or a backend's hide_cpuid(), changes something. All others below 40h
 * the guest is given as they are.
 */
#define CPUID_CHANGED_LEAVES                                                              \
	(BIT(1) | BIT(6) | BIT(7) | BIT(0xd) | BIT(CPUID_LEAF_SGX) | BIT(CPUID_LEAF_PT) | \
	 BIT(CPUID_LEAF_KEYS) | BIT(CPUID_LEAF_PCONFIG) | BIT(CPUID_LEAF_LBR) |           \
	 BIT(CPUID_LEAF_PERFMON) | BIT(CPUID_LEAF_APX))

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
 * MOV to CR3 by the kernel, of any value, to a root that is a recent one. Then it is left to the backend to load
 * mmu.hw.root, and to forget every translation.
 */
static inline bool lane_cr3_write(struct vcpu *v, u64 value)
{
	if (unlikely(!mmu_switch_recent(&v->mmu, value)))
		return false;
	count(&v->counters, exits);
	count(&v->counters, exits_cr3_write);
	count(&v->counters, tlb_flush);
	return true;
}

/* guest/exit/cr.c: the same with any root that is there, if it fails. */
bool lane_cr3_write_other(struct vcpu *v, u64 value);

/* MOV from CR3 by the kernel: what the register is to be. */
static inline u64 lane_cr3_read(struct vcpu *v)
{
	count(&v->counters, exits);
	count(&v->counters, exits_cr_read);
	return v->mmu.regs.cr3;
}

/* INVLPG by the kernel. flush_gva: the backend's, by its name, so that it is called directly. */
static ALWAYS_INLINE bool lane_invlpg(struct vcpu *v, u64 gva,
				      void (*flush_gva)(struct vcpu *, u64))
{
	if (unlikely(!mmu_invlpg_straight(&v->mmu, gva)))
		return false;
	count(&v->counters, exits);
	count(&v->counters, exits_invlpg);
	if (unlikely(v->mmu.hw.due)) {
		commit_hardware(v);
	} else {
		count(&v->counters, tlb_flush_gva);
		flush_gva(v, gva);
	}
	return true;
}

/* The last exit was to be followed by the same again, at this RIP. */
static inline bool lane_again(const struct vcpu *v)
{
	return v->counters.value[CNT_exits] == v->retries.last && v->rip == v->retries.rip;
}

/*
 * invpcid.c. INVPCID by 64-bit code of the kernel's, that completes alone, without breakpoints, of one context, or one
 * address in it, that is not the current one: a kernel that isolates its page tables executes it for each page that it
 * unmaps. v->rip and RSP are valid. There is nothing to drop, but RIP has moved on; false, with nothing done: it is
 * any other instruction, or a rarer one of these.
 */
bool lane_invpcid(struct vcpu *v);

/* The hardware follows, where an exit has changed what it is to run with: the end of a lane. */
static inline void lane_commit(struct vcpu *v)
{
	if (unlikely(v->mmu.hw.due))
		commit_hardware(v);
}

/* The guest is to do the same again. */
static inline void lane_retried(struct vcpu *v)
{
	struct retries *r = &v->retries;

	r->nr = lane_again(v) ? r->nr + 1 : 0;
	r->rip = v->rip;
	r->last = v->counters.value[CNT_exits] + 1;
}

/*
 * progress.c. So many exits in a row were to be followed by the same again, RETRIES_IN_A_ROW or one more. True: it is
 * not the same, for registers have changed since the one before; and the row has ended.
 */
bool lane_got_on(struct vcpu *v);

/*
 * A page fault of the guest's code: no event was being delivered, and it is not one of an IRET that has ended NMI
 * blocking. v->rip and v->rflags are valid, and RSP still is not. What is to follow, before lane_commit(), by what
 * is returned:
 *
 * MMU_STRAIGHT_WRITE: lane_table_write(), for 64-bit code that completes alone, without breakpoints; if that
 *	returns false, the general way.
 * MMU_STRAIGHT_OWN: #PF at this address with w->pfec, and RF set.
 * MMU_STRAIGHT_MENDED: RF set.
 */
static inline enum mmu_straight_way lane_fault(struct vcpu *v, u64 gva, u32 error,
					       struct mmu_straight *w)
{
	const struct retries *r = &v->retries;
	enum mmu_straight_way way;

	if (!(error & (PFEC_P | PFEC_RSVD)) && v->filter_present) {
		/* See handle_page_fault(). */
		w->pfec = mmu_own_fault(&v->mmu, error);
		way = MMU_STRAIGHT_OWN;
	} else {
		/* Where the guest does not seem to get on, same_again() has to look. */
		if (lane_again(v) && unlikely(r->nr + 1 >= RETRIES_IN_A_ROW) && !lane_got_on(v) &&
		    r->nr + 1 > RETRIES_IN_A_ROW)
			return MMU_NOT_STRAIGHT;
		way = mmu_fault_straight(&v->mmu, gva, error, v->rip, w);
		if (way == MMU_STRAIGHT_WRITE || unlikely(way == MMU_NOT_STRAIGHT))
			return way;
		if (way == MMU_STRAIGHT_MENDED)
			lane_retried(v);
	}
	count(&v->counters, exits);
	count(&v->counters, exits_pf);
	v->rflags |= RFLAGS_RF;
	return way;
}

/* The bytes of an instruction, INSN_MAX_LEN of them, as insn_cache has them. */
static ALWAYS_INLINE void insn_words(const u8 *bytes, u64 *low, u64 *high)
{
	__builtin_memcpy(low, bytes, sizeof(*low));
	__builtin_memcpy(high, bytes + INSN_MAX_LEN - sizeof(*high), sizeof(*high));
}

/* The last instructions decoded, by address. Their bytes are compared, so nothing can go stale. */
static ALWAYS_INLINE struct insn_cache *insn_cache_of(struct vcpu *v, u64 rip)
{
	struct insn_cache *c = &v->insn_cache[(rip ^ rip >> 4) % ARRAY_SIZE(v->insn_cache)];

	/* A compiler that knows how it is made makes it anew for each field. */
	__asm__("" : "+r"(c));
	return c;
}

/* emulate.c: what lane_carry_out() does with LANE_OTHER. */
bool lane_run_other(struct vcpu *v, const struct insn *in, u64 gpa);

/*
 * Carry a write to a table out, as far as registers and memory go: a common instruction, that was decoded before.
 * False, with nothing done: it is none, or more follows it than the next. RIP and RFLAGS are moved on.
 */
static ALWAYS_INLINE bool lane_carry_out(struct vcpu *v, u64 gva, const struct mmu_straight *w)
{
	u64 rip = v->rip, low, high, value, *entry = phys_ptr(w->gpa);
	const struct insn_cache *c = insn_cache_of(v, rip);

	/* With AC it may be a user's that raises #AC. */
	if (unlikely((v->rflags & (RFLAGS_TF | RFLAGS_AC)) || v->debug_traps ||
		     c->lane == LANE_NONE || (rip & (PAGE_SIZE - 1)) > PAGE_SIZE - INSN_MAX_LEN))
		return false;
	insn_words(phys_ptr(w->code), &low, &high);
	if (unlikely(c->low != low || c->high != high ||
		     insn_mem_flat(&c->insn.mem, v->gpr, rip + c->insn.len) != gva ||
		     (gva & 7) + c->insn.opsize > sizeof(u64)))
		return false;
	if (c->lane == LANE_OTHER)
		return lane_run_other(v, &c->insn, w->gpa);
	value = c->insn.reg == INSN_NO_REG ? c->insn.imm : v->gpr[c->insn.reg];
	v->rflags &= ~RFLAGS_RF;
	if (c->lane == LANE_LOGIC) {
		value = c->insn.op == INSN_AND ? *entry & value : *entry | value;
		v->rflags = (v->rflags & ~FLAGS_ARITH) | insn_result_flags(value, sizeof(value));
	}
	__atomic_store_n(entry, value, __ATOMIC_SEQ_CST);
	v->rip = rip + c->insn.len;
	return true;
}

static inline bool lane_table_write(struct vcpu *v, u64 gva, const struct mmu_straight *w)
{
	if (unlikely(!lane_carry_out(v, gva, w)))
		return false;
	count(&v->counters, exits);
	count(&v->counters, exits_pf);
	mmu_written_straight(&v->mmu, w);
	return true;
}

#endif
