/* SPDX-License-Identifier: MIT */
/*
 * Runs: a kernel that maps a file fills in the entries around the one that has faulted, and the access is made again
 * at once. By flood.c alone such a table would go out of sync in each run, and come back at its end: two passes over
 * all of it for a few entries. So it stays out of sync, and each access has the entries around its own follow.
 *
 * Meanwhile the guest's own not-present faults in it exit. A table's credit is how many exits it has saved by that, of
 * the last ones: where it is used up, the table comes back.
 */
#include "mm/shadow/lives.h"
#include "mm/shadow/mirror.h"

/* Entries that are filled in at once, where they begin: Linux' fault_around_bytes. */
#define RUN_ENTRIES 16

/* So many beside the one that was accessed, and it is a run. */
#define RUN_LEAST 4

/* What a guest that has changed its ways may cost in vain. */
#define CREDIT_MAX 16

/* The guest has filled in an entry, and the shadow's has not followed. */
static bool lags(const struct mmu *m, slot_t slot)
{
	const struct shadow *s = shadow_at(m, slot);
	u64 gpte = gpte_read(s->gfn, GPTE_64, slot_entry(slot));

	return (gpte & s->judged) == (PTE_P | PTE_A) &&
	       !leaf_holds(*spte_at(m, slot), plain_leaf(gpte));
}

static u64 *copy_of(struct mmu *m, u64 gfn)
{
	u32 i = 0;

	while (m->unsync[i].gfn != gfn)
		i++;
	return m->unsync[i].copy;
}

/*
 * The lines of a run follow. False: it is none, for more has been filled in beside it. One that begins where a mapping
 * does, and not at a multiple of its length, ends in the next line.
 */
static bool lines_follow(struct mmu_vcpu *v, slot_t first, u32 *changed)
{
	struct mmu *m = v->mmu;
	u64 *copy = copy_of(m, shadow_at(m, first)->gfn);
	u32 i = slot_entry(first), end = i + RUN_ENTRIES + LINE_ENTRIES;
	slot_t next = first + RUN_ENTRIES;

	if (i && lags(m, first - 1))
		return false;
	*changed = line_catch_up(v, first, copy) + line_catch_up(v, first + LINE_ENTRIES, copy);
	if (end > SPT_ENTRIES || !lags(m, next))
		return true;
	*changed += line_catch_up(v, next, copy);
	return end == SPT_ENTRIES || !lags(m, next + LINE_ENTRIES);
}

/* Of its frame it is the only shadow. */
static bool may_have_runs(const struct mmu *m, u32 index)
{
	const struct shadow *s = &m->shadows[index];

	return m->sync == MMU_SYNC_HYBRID && is_common(s->role) && !m->soft_traps && !s->next &&
	       (m->frames[s->gfn].state & FRAME_TABLES) == index;
}

bool run_follows(struct mmu_vcpu *v, slot_t slot)
{
	struct mmu *m = v->mmu;
	struct shadow *s = shadow_at(m, slot);
	u32 changed;

	if (!may_have_runs(m, slot_table(slot)) ||
	    !lines_follow(v, slot - slot % RUN_ENTRIES, &changed))
		return false;
	if (!s->credit && changed < RUN_LEAST)
		return false;
	changed += s->credit;
	/* This exit is one that would not have been. */
	s->credit = (u8)(changed > CREDIT_MAX ? CREDIT_MAX - 1 : changed - 1);
	return s->credit;
}

bool run_goes_on(struct mmu *m, u64 gfn)
{
	struct shadow *s = &m->shadows[m->frames[gfn].state & FRAME_TABLES];

	if (s->credit)
		s->credit--;
	return s->credit;
}
