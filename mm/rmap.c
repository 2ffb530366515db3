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
#include "mm/mmu_internal.h"

void list_add(struct mmu *m, slot_t *head, slot_t slot)
{
	m->links[slot] = (struct spte_link){
		.next = *head,
		.prev = LIST_FIRST | (list_length(m, *head) + 1),
	};
	if (*head)
		m->links[*head].prev = slot;
	*head = slot;
}

void list_del(struct mmu *m, slot_t *head, slot_t slot)
{
	struct spte_link *link = &m->links[slot];
	slot_t length = m->links[*head].prev - 1;

	if (*head == slot)
		*head = link->next;
	else
		m->links[link->prev].next = link->next;
	if (link->next)
		m->links[link->next].prev = link->prev;
	if (*head)
		m->links[*head].prev = length;
}

/* Who has to go when a list is full. */
slot_t list_victim(const struct mmu *m, slot_t head)
{
	for (u32 i = 1; i < m->bounds->kept; i++)
		head = m->links[head].next;
	return head;
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

		u64 *spte = &table_of(m, slot >> 9)[slot & 511];

		*spte = (*spte & ~PTE_W) | SPTE_PROTECTED;
		list_del(m, &f->rmap, slot);
		found = true;
	}
	while (r->rmap) {
		entry_trap(m, r->rmap);
		found = true;
	}
	for (u32 d = r->direct; d; d = m->shadows[d].region_next) {
		u64 *spte = &table_of(m, d)[gfn & 511];

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
		u64 *spte = &table_of(m, d)[gfn & 511];

		*spte = (*spte & ~SPTE_PROTECTED) | PTE_W | PTE_D;
	}
}
