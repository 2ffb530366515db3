/* SPDX-License-Identifier: MIT */
/* Changing one shadow entry: the lists it is in, the counts, and what the hardware may still hold. */
#include "mm/mmu_internal.h"

/* The list that a present writable leaf is in, or NULL. */
static slot_t *rmap_head(struct mmu *m, union role role, u64 spte)
{
	u64 gfn = (spte & PTE_ADDR & ~PTE_PAT_LARGE) >> PAGE_SHIFT;
	struct frame *f;
	struct region *r;

	if (!(spte & PTE_W))
		return NULL;
	if (role.level == 1) {
		if (role.direct)
			return NULL;
		f = frame_of(m, (spte & PTE_ADDR) >> PAGE_SHIFT);
		return f ? &f->rmap : NULL;
	}
	r = region_of(m, gfn);
	return r ? &r->rmap : NULL;
}

void entry_unlink_child(struct mmu *m, u32 child, slot_t slot)
{
	list_del(m, &m->shadows[child].parents, slot);
}

/*
 * An entry that is one of several, in the hardware's eyes, for a single guest page: a part of a 4M
 * page, or a large page that is split. The guest's INVLPG of any address drops the whole page, the
 * hardware's only a part.
 */
static bool is_part_of_page(const struct mmu *m, union role role, u64 spte)
{
	if (spte_is_link(role.level, spte))
		return m->shadows[spte_child(m, spte)].role.direct;
	return role.format == GPTE_32 && role.level == 2;
}

void entry_drop(struct mmu *m, u32 index, u32 i)
{
	struct shadow *s = &m->shadows[index];
	u64 spte = table_of(m, index)[i];
	slot_t *head;

	if (!spte_is_present(spte, m->ones))
		return;
	s->present--;
	if (is_part_of_page(m, s->role, spte))
		need_flush(m);
	if (spte_is_link(s->role.level, spte)) {
		u32 child = spte_child(m, spte);

		entry_unlink_child(m, child, slot_make(index, i));
		soft_unlink(m, index, child);
		/* See soft.c: a CPU that still holds the link is beyond what is counted. */
		if (m->soft_traps)
			need_flush(m);
		if (!shadow_in_use(m, child) && !m->shadows[child].orphan &&
		    !m->shadows[child].role.direct) {
			m->shadows[child].orphan = true;
			m->shadows[child].orphan_next = m->orphans;
			m->orphans = child;
		}
		return;
	}
	head = rmap_head(m, s->role, spte);
	if (head)
		list_del(m, head, slot_make(index, i));
	if (spte & PTE_W)
		m->stale_writable = true;
}

/*
 * A link to this table is new, or grants other accesses. What the guest changed in tables while they
 * were out of such reach owed no flush: below, nothing that lags behind may be seen.
 */
void entry_reaches(struct mmu *m, u32 child)
{
	const struct shadow *c = &m->shadows[child];

	if (m->nr_unsync && c->present && !c->role.direct &&
	    (c->role.level > 1 || (frame_of(m, c->gfn)->state & FRAME_UNSYNC)))
		m->relinked = true;
}

void entry_link(struct mmu *m, u32 index, u32 i, u32 child, u64 rights)
{
	struct shadow *c = &m->shadows[child];

	entry_put(m, index, i, table_hpa(m, child) | PTE_P | PTE_A | rights);
	soft_link(m, index, child);
	m->shadows[index].present++;
	list_add(m, &c->parents, slot_make(index, i));
	entry_reaches(m, child);
}

/* bits: rights and attributes. The frame is turned to the hole page when it is hidden. */
void entry_leaf(struct mmu_vcpu *v, u32 index, u32 i, u64 gfn, u64 bits)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	u64 spte = gfn << PAGE_SHIFT | PTE_P | bits;
	const struct frame *f;
	slot_t *head;

	if (s->role.level > 1) {
		spte |= PTE_PS;
	} else if (gfn_is_hidden(m, gfn)) {
		spte = m->hole_hpa | PTE_P | bits;
		count(v->counters, hole_mapped);
	} else if (bits & PTE_W) {
		f = frame_of(m, gfn);
		if (likely(f) ? frame_is_tracked(f) : far_is_watched(m, gfn))
			spte = (spte & ~PTE_W) | SPTE_PROTECTED;
	}
	if (spte & PTE_W)
		spte |= PTE_D;
	entry_put(m, index, i, spte);
	s->present++;
	head = rmap_head(m, s->role, spte);
	if (head)
		list_add(m, head, slot_make(index, i));
}
