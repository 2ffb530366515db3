/* SPDX-License-Identifier: MIT */
/*
 * What a filter may not see, counted up to the root that reaches it: settle() looks at the root's count alone.
 *
 * REACH_SOFT: entries that have to trap, at a level where no present encoding is proved (leaves, with
 * structural traps). They fault like not-present entries, so while a root reaches one, every fault exits.
 * REACH_NARROWED: entries with SPTE_NARROWED. A user's write faults there as on a page that the guest itself
 * has made read-only, so while a root reaches one, faults with P=1 exit.
 *
 * shadow.reach counts a table's own entries of a kind, and its links to tables whose own count is not zero, as
 * far as these have told their parents. Only so many parents are told in one exit; who still has to tell
 * waits in a queue, and until that is empty the filter is as if the root reached one.
 *
 * It knows nothing of links that are gone, and may still be cached: with soft traps each that goes asks for a
 * flush; else mmu.stale_ways says so, and filter.c flushes.
 */
#include "mm/shadow/tables.h"

/* Count so many more in a table; where its parents know otherwise, it waits to tell them. */
static void add(struct mmu *m, u32 index, enum reach_kind kind, int more)
{
	struct reach *r = &m->shadows[index].reach[kind];

	forget_root(m, index);
	r->nr += more;
	if (r->queued || r->told == !!r->nr)
		return;
	r->queued = true;
	r->prev = 0;
	r->next = m->reach_queue[kind];
	if (r->next)
		m->shadows[r->next].reach[kind].prev = index;
	m->reach_queue[kind] = index;
}

void reach_soft(struct mmu *m, u32 index, u64 old, u64 spte)
{
	if (spte_is_soft(old) != spte_is_soft(spte))
		add(m, index, REACH_SOFT, spte_is_soft(spte) ? 1 : -1);
}

void reach_narrowed(struct mmu *m, u32 index, u64 spte)
{
	if (!(spte & SPTE_NARROWED))
		m->stale_ways = true;
	add(m, index, REACH_NARROWED, spte & SPTE_NARROWED ? 1 : -1);
}

/* The rest of reach_linked(), more: 1; of reach_unlinked(), -1. */
void reach_link(struct mmu *m, u32 index, u32 child, int more)
{
	for (u32 kind = 0; kind < NR_REACH; kind++) {
		if (unlikely(m->shadows[child].reach[kind].told))
			add(m, index, kind, more);
	}
}

static void dequeue(struct mmu *m, u32 index, enum reach_kind kind)
{
	struct reach *r = &m->shadows[index].reach[kind];

	if (r->prev)
		m->shadows[r->prev].reach[kind].next = r->next;
	else
		m->reach_queue[kind] = r->next;
	if (r->next)
		m->shadows[r->next].reach[kind].prev = r->prev;
	r->queued = false;
}

/* The rest of reach_forget(). */
void reach_dequeue(struct mmu *m, u32 index)
{
	for (u32 kind = 0; kind < NR_REACH; kind++) {
		if (m->shadows[index].reach[kind].queued)
			dequeue(m, index, kind);
	}
}

/* Parents that are told for one unit of work. */
#define TOLD_PER_WORK 16

void reach_tell(struct mmu *m, enum reach_kind kind)
{
	while (m->reach_queue[kind] && may_work(m)) {
		struct shadow *s = &m->shadows[m->reach_queue[kind]];
		struct reach *r = &s->reach[kind];
		bool is = r->nr;

		dequeue(m, m->reach_queue[kind], kind);
		m->work += 1 + list_length(m, s->parents) / TOLD_PER_WORK;
		if (is == r->told)
			continue;
		r->told = is;
		for (slot_t at = s->parents; at; at = m->links[at].next)
			add(m, slot_table(at), kind, is ? 1 : -1);
	}
}
