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

/* shortcut.c */
bool shortcut_table_write(const struct mmu_vcpu *v, struct mmu_fault *fault);

/* walk.c: the guest's own translation of an address. */
struct walk {
	bool by_hardware; /* given: the error code is the hardware's */
	int top, level;   /* first level; the level of the leaf, or of the entry that faults */
	u64 gpte[SPTE_LEVELS];
	u64 table[SPTE_LEVELS]; /* gfn of the table at each level; NO_GFN: not RAM */
	bool fault, not_present;
	u32 pfec; /* of the fault */
	u64 gpa;
};

void walk(struct mmu_vcpu *v, const struct mmu_fault *access, struct walk *w);

#endif
