/* SPDX-License-Identifier: MIT */
/* The frame of every call of mmu.h: op_begin(), what it does, settle(). */
#ifndef MM_SHADOW_SETTLE_H
#define MM_SHADOW_SETTLE_H

#include "mm/shadow/lives.h"

static inline void op_begin(struct mmu *m)
{
	m->clock++;
	m->operations++;
	m->in_operation = true;
}

/*
 * Nothing else ends an operation: what has come into the guest's reach is right, what it has given up is
 * dropped, and v->hw says what the hardware has to run with.
 */
void settle(struct mmu_vcpu *v);

/* Its last part, where nothing else is left: what the hardware has to run with. */
static inline void say_hardware(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;
	bool exit_invlpg = m->nr_unsync || m->ask_invlpg;
	/* Invariant 15. */
	bool filter_present = m->bypass && !m->upper_unsync && !m->soft_queue &&
			      !m->shadows[v->root].soft && !v->nr_lent;

	if (v->hw.exit_invlpg == exit_invlpg && v->hw.filter_present == filter_present)
		return;
	v->hw.exit_invlpg = exit_invlpg;
	v->hw.filter_present = filter_present;
	v->hw.due = true;
}

/*
 * root.c: a PD of PAE that is to be shut. A PDPTE can be no trap, so a table of traps hangs there until an
 * access wants the guest's own back, which is at gfn.
 */
void root_let_go(struct mmu_vcpu *v, u64 gfn);
void root_take_back(struct mmu_vcpu *v, u32 i, u64 gfn);

/* eager.c: the root has been loaded for the first time. last: the frame of the guest's root before it, or NO_GFN. */
void root_is_new(struct mmu_vcpu *v, u64 last);

/* shortcut.c. A write that failed only because its page is tracked, or watched: true, and fault->gpa. */
bool shortcut_table_write(const struct mmu_vcpu *v, struct mmu_fault *fault);

/* translate.c: guest_walk(), with what its A and D bits change in shadows. */
void walk(struct mmu_vcpu *v, const struct mmu_fault *access, struct walk *w);

/* ahead.c: a read has set A in the guest's entry of this slot, and read is what it says. */
void accessed_ahead(struct mmu_vcpu *v, slot_t slot, u64 read);

/* A way down the shadow tables. */
struct descent {
	slot_t slot;
	bool changed; /* some entry had to be made */
};

/*
 * fault.c: map what a walk found for an access that the guest allows. False when the hardware will not let
 * it be made all the same: MMU_WP0_WRITE, and lend is false.
 */
bool map_walked(struct mmu_vcpu *v, struct descent *d, const struct walk *w,
		const struct mmu_fault *fault, bool lend);

#endif
