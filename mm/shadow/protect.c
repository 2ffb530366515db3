/* SPDX-License-Identifier: MIT */
/*
 * Reverse maps of writable leaves, and write protection of guest tables.
 *
 * Every shadow entry has one list node of its own, so a list can neither overflow nor fail. Only
 * writable leaves are kept, for nothing else ever has to be found by its frame. Direct level-1
 * tables are not in any list: the region's chain of them names the entry by its index.
 *
 * How much track() finds is bounded: the lists have limits (bounds.h), and a region has one direct
 * level-1 table for each of the roles that such tables have, under 300.
 */
#include "mm/shadow/types.h"

/* Returns the list's length. */
u32 list_add(struct mmu *m, slot_t *head, slot_t slot)
{
	slot_t next = *head, length = LIST_FIRST | 1;

	if (next) {
		length = m->links[next].prev + 1;
		m->links[next].prev = slot;
	}
	m->links[slot] = (struct spte_link){.next = next, .prev = length};
	*head = slot;
	return length & ~LIST_FIRST;
}

/* The same, behind those that are kept: for an entry that nobody has asked for yet. */
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

void list_del(struct mmu *m, slot_t *head, slot_t slot)
{
	struct spte_link link = m->links[slot];

	if (link.prev & LIST_FIRST) {
		*head = link.next;
		link.prev--;
	} else {
		m->links[link.prev].next = link.next;
		m->links[*head].prev--;
	}
	if (link.next)
		m->links[link.next].prev = link.prev;
}

/* A list has become too long: take the first entry away that is not among the latest. */
void list_bound(struct mmu *m, slot_t head, u32 length, u32 most)
{
	if (length <= most)
		return;
	for (u32 i = 0; i < m->bounds->kept; i++)
		head = m->links[head].next;
	entry_trap(m, head);
}

/*
 * Take away every writable mapping of a frame: invariant 4. A TLB may also hold one that was
 * dropped since the last flush, and a write through it would go unseen.
 */
void track(struct mmu_vcpu *v, u64 gfn)
{
	struct mmu *m = v->mmu;
	struct frame *f = frame_of(m, gfn);
	struct region *r = region_of(m, gfn);
	bool found = m->stale_writable;

	r->tracked++;
	while (f->rmap) {
		slot_t slot = f->rmap;
		u64 *spte = spte_at(m, slot);

		*spte = (*spte & ~PTE_W) | SPTE_PROTECTED;
		list_del(m, &f->rmap, slot);
		found = true;
	}
	while (r->rmap) {
		entry_trap(m, r->rmap);
		found = true;
	}
	for (u32 d = r->direct; d; d = m->shadows[d].region_next) {
		u64 *spte = spte_at(m, slot_make(d, gfn % REGION_FRAMES));

		if (*spte & PTE_W) {
			*spte = (*spte & ~PTE_W) | SPTE_PROTECTED;
			found = true;
		}
	}
	if (found)
		need_flush(m);
}

void untrack(struct mmu *m, u64 gfn)
{
	struct region *r = region_of(m, gfn);

	r->tracked--;
	for (u32 d = r->direct; d; d = m->shadows[d].region_next) {
		u64 *spte = spte_at(m, slot_make(d, gfn % REGION_FRAMES));

		/* Whatever an entry's place says: what is watched never becomes writable here. */
		if ((*spte & PTE_ADDR) >> PAGE_SHIFT == gfn)
			*spte = (*spte & ~SPTE_PROTECTED) | PTE_W | PTE_D;
	}
}
