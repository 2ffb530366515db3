/* SPDX-License-Identifier: MIT */
/*
 * Which shadow table makes room for another: invariant 11, in tables.h. Every table that is not free is in
 * one of two lists (invariant 14): mmu.lru, those used last first; and mmu.orphans, the oldest first. An orphan
 * is kept right as any table is, until settle() drops it or its page is needed, before that of any in use.
 */
#include "mm/shadow/tables.h"

static struct shadow_list *list_of(struct mmu *m, u32 index)
{
	return m->shadows[index].orphan ? &m->orphans : &m->lru;
}

/* Between two neighbours, either of which may be 0. */
static void put_between(struct mmu *m, u32 index, u32 prev, u32 next)
{
	struct shadow_list *list = list_of(m, index);

	m->shadows[index].list_prev = prev;
	m->shadows[index].list_next = next;
	*(prev ? &m->shadows[prev].list_next : &list->first) = index;
	*(next ? &m->shadows[next].list_prev : &list->last) = index;
}

void lru_del(struct mmu *m, u32 index)
{
	struct shadow_list *list = list_of(m, index);
	u32 prev = m->shadows[index].list_prev, next = m->shadows[index].list_next;

	*(prev ? &m->shadows[prev].list_next : &list->first) = next;
	*(next ? &m->shadows[next].list_prev : &list->last) = prev;
}

void lru_add(struct mmu *m, u32 index)
{
	m->shadows[index].orphan = false;
	m->shadows[index].moved = m->clock;
	put_between(m, index, 0, m->lru.first);
}

/* To the front of those in use, even from among the orphans: it is about to be linked, or to be a root. */
void shadow_used(struct mmu *m, u32 index)
{
	lru_del(m, index);
	lru_add(m, index);
}

void orphan_add(struct mmu *m, u32 index)
{
	lru_del(m, index);
	m->shadows[index].orphan = true;
	put_between(m, index, m->orphans.last, 0);
}

bool shadow_is_held(const struct mmu *m, u32 index)
{
	return m->shadows[index].pins || m->shadows[index].stamp == m->clock;
}

/* The oldest orphan, or else the table used least recently, of those that nothing holds. */
u32 recycle_victim(const struct mmu *m)
{
	u32 index = m->orphans.first;

	while (index && shadow_is_held(m, index))
		index = m->shadows[index].list_next;
	if (index)
		return index;
	index = m->lru.last;
	while (index && shadow_is_held(m, index))
		index = m->shadows[index].list_prev;
	INVARIANT(11, index);
	return index;
}
