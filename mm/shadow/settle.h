/* SPDX-License-Identifier: MIT */
/* What every call of mmu.h that changes anything begins and ends with: op_begin(), settle(). */
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

/* filter.c. The guest's own fault has exited, with this error code. */
void filter_paid(struct mmu_vcpu *v, u32 pfec);

/*
 * Invariant 21: where filter_present may be, filter_user may be, too, since no fault of a user's with RSVD=0 is
 * the hypervisor's; and it is chosen.
 */
static inline bool user_filter(const struct mmu_vcpu *v)
{
	const struct mmu *m = v->mmu;
	const struct shadow *root = &m->shadows[v->root];

	return v->filter.user && v->mode != PAGING_OFF && (v->regs.cr0 & CR0_WP) && !m->nr_unsync &&
	       !m->reach_queue[REACH_NARROWED] && !root->reach[REACH_NARROWED].nr;
}

/* Something waits for the next operation's end. */
static ALWAYS_INLINE bool is_waiting(const struct mmu_vcpu *v)
{
	const struct mmu *m = v->mmu;

	return m->orphans.first | m->reach_queue[REACH_SOFT] | m->reach_queue[REACH_NARROWED] |
	       v->nr_lent;
}

/* The same; or for the guest's next flush, or for the filter to be decided anew. */
static inline bool has_work(const struct mmu_vcpu *v)
{
	const struct mmu *m = v->mmu;

	return is_waiting(v) || m->nr_unsync || m->upper_unsync;
}

/* Its last part, where nothing else is left: what the hardware has to run with. */
static inline void say_hardware(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;
	bool exit_invlpg = m->nr_unsync || m->ask_invlpg;
	/* Invariant 15. */
	bool filter_present = m->bypass && !m->upper_unsync && !m->reach_queue[REACH_SOFT] &&
			      !m->shadows[v->root].reach[REACH_SOFT].nr && !v->nr_lent;
	bool filter_user = filter_present && user_filter(v);

	/* Invariant 22. */
	if (unlikely(m->recents) && (filter_present != m->bypass || has_work(v)))
		forget_recent(m);
	/* What a CPU holds beside what is counted: reach.c. */
	if (unlikely(filter_user && m->stale_ways))
		need_flush(m);
	if (v->hw.exit_invlpg == exit_invlpg && v->hw.filter_present == filter_present &&
	    v->hw.filter_user == filter_user)
		return;
	v->hw.exit_invlpg = exit_invlpg;
	v->hw.filter_present = filter_present;
	v->hw.filter_user = filter_user;
	v->recent_now = v->recent[filter_user];
	v->hw.due = true;
}

/*
 * root.c: a PD of PAE that is to be shut. A PDPTE can be no trap, so a table of traps hangs there until an
 * access wants the guest's own back, which is at gfn.
 */
void root_let_go(struct mmu_vcpu *v, u64 gfn);
void root_take_back(struct mmu_vcpu *v, u32 i, u64 gfn);

/* root.c: the rest of mmu_set_cr3(), where mmu_switch_cr3() has failed, or as if it had. */
void load_cr3(struct mmu_vcpu *v, u64 cr3);

/* eager.c: the root has been loaded for the first time. last: the frame of the guest's root before it, or NO_GFN. */
void root_is_new(struct mmu_vcpu *v, u64 last);

/* shortcut.c. A write that failed only because its page is tracked, or watched: true, and fault->gpa. */
bool shortcut_table_write(const struct mmu_vcpu *v, struct mmu_fault *fault);
/* After that: the page is tracked no longer, and the leaf is writable again. */
bool shortcut_allows_write(const struct mmu_vcpu *v, u64 gva);

/* translate.c: guest_walk(), with what its A and D bits change in shadows. */
void walk(struct mmu_vcpu *v, const struct mmu_fault *access, struct walk *w);

/* ahead.c: a read has set A in the guest's entry of this slot, and read is what it says. */
void accessed_ahead(struct mmu_vcpu *v, slot_t slot, u64 read);

/*
 * settle() after no more than leaves of level 1 have changed, without soft traps: of what it looks at, they can
 * only have changed what is narrowed.
 */
static ALWAYS_INLINE void settle_leaf(struct mmu_vcpu *v)
{
	const struct mmu *m = v->mmu;

	if (unlikely(m->reach_queue[REACH_NARROWED] | (v->hw.filter_user & m->stale_ways)))
		settle(v);
}

/* soften.c. The guest's own not-present fault has exited, and is done with; soft traps are in use. */
void soften(struct mmu_vcpu *v);

/* A way down the shadow tables. */
struct descent {
	slot_t slot;  /* where it has come to: at the end the entry that decides */
	bool changed; /* some entry had to be made */
};

/*
 * fault.c: map what a walk found for an access that the guest allows. False when the hardware will not let
 * it be made all the same: MMU_WP0_WRITE, and lend is false.
 */
bool map_walked(struct mmu_vcpu *v, struct descent *d, const struct walk *w,
		const struct mmu_fault *fault, bool lend);

#endif
