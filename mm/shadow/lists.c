/* SPDX-License-Identifier: MIT */
/*
 * Lists of entries: the parents of a table, the writable leaves of a frame or region. Every shadow entry has
 * a node of its own, so that no list can fail. Leaves of direct level-1 tables are in none: the region's
 * chain of these tables names the entry by its index.
 */
#include "mm/shadow/tables.h"

u32 list_add_behind(struct mmu *m, slot_t *head, slot_t slot)
{
	slot_t at = *head;
	struct spte_link *link;

	if (!at)
		return list_add(m, head, slot);
	for (u32 i = 1; i < m->bounds->kept && m->links[at].next; i++)
		at = m->links[at].next;
	link = &m->links[at];
	m->links[slot] = (struct spte_link){.next = link->next, .prev = at};
	if (link->next)
		m->links[link->next].prev = slot;
	link->next = slot;
	return ++m->links[*head].prev & ~LIST_FIRST;
}
