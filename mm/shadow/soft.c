/* SPDX-License-Identifier: MIT */
/*
 * Soft traps: entries that have to trap, at a level where no present encoding is proved (leaves, with
 * structural traps). They fault like not-present entries, so while a root reaches one, every fault exits.
 *
 * shadow.soft counts a table's soft entries, and its links to tables whose own count is not zero, as
 * far as these have told their parents: soft_told. Only so many parents are told in one exit; who still
 * has to tell waits in a queue, and until that is empty every fault exits.
 *
 * It knows nothing of links that are gone, and may still be cached: each that goes asks for a flush.
 */
#include "mm/shadow/tables.h"

/* Count so many more in a table; where its parents know otherwise, it waits to tell them. */
static void soft_add(struct mmu *m, u32 index, int more)
{
	struct shadow *s = &m->shadows[index];

	forget_root(m, index);
	s->soft += more;
	if (s->soft_queued || s->soft_told == !!s->soft)
		return;
	s->soft_queued = true;
	s->soft_prev = 0;
	s->soft_next = m->soft_queue;
	if (m->soft_queue)
		m->shadows[m->soft_queue].soft_prev = index;
	m->soft_queue = index;
}

void soft_entry(struct mmu *m, u32 index, u64 old, u64 spte)
{
	if (spte_is_soft(old) != spte_is_soft(spte))
		soft_add(m, index, spte_is_soft(spte) ? 1 : -1);
}

void soft_link(struct mmu *m, u32 index, u32 child, int more)
{
	if (m->shadows[child].soft_told)
		soft_add(m, index, more);
}

static void dequeue(struct mmu *m, u32 index)
{
	struct shadow *s = &m->shadows[index];

	if (s->soft_prev)
		m->shadows[s->soft_prev].soft_next = s->soft_next;
	else
		m->soft_queue = s->soft_next;
	if (s->soft_next)
		m->shadows[s->soft_next].soft_prev = s->soft_prev;
	s->soft_queued = false;
}

/* The table goes away. It has no parents. */
void soft_forget(struct mmu *m, u32 index)
{
	if (m->shadows[index].soft_queued)
		dequeue(m, index);
}

/* Parents that are told for one unit of work. */
#define TOLD_PER_WORK 16

void soft_tell(struct mmu *m)
{
	while (m->soft_queue && may_work(m)) {
		struct shadow *s = &m->shadows[m->soft_queue];
		bool is = s->soft;

		dequeue(m, m->soft_queue);
		m->work += 1 + list_length(m, s->parents) / TOLD_PER_WORK;
		if (is == s->soft_told)
			continue;
		s->soft_told = is;
		for (slot_t at = s->parents; at; at = m->links[at].next)
			soft_add(m, slot_table(at), is ? 1 : -1);
	}
}
