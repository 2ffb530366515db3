/* SPDX-License-Identifier: MIT */
/* Changing one shadow entry: the lists it is in, the counts, and what the hardware may still hold. */
#include "mm/shadow/types.h"

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

static void drop(struct mmu *m, u32 index, u32 i, bool by_guest)
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
		if (by_guest && !shadow_in_use(m, child) && !m->shadows[child].role.direct)
			orphan_add(m, child);
		return;
	}
	head = rmap_head(m, s->role, spte);
	if (head)
		list_del(m, head, slot_make(index, i));
	if (spte & PTE_W)
		m->stale_writable = true;
}

/* The entry is about to say something else. A child that nobody can reach any more is an orphan. */
void entry_drop(struct mmu *m, u32 index, u32 i)
{
	drop(m, index, i, true);
}

/* The same, where the guest did not ask for it: the child is still the guest's table. */
void entry_cut(struct mmu *m, u32 index, u32 i)
{
	drop(m, index, i, false);
}

/* Take an entry that is present away; it comes back by a fault. */
void entry_trap(struct mmu *m, slot_t slot)
{
	u32 index = slot >> 9, i = slot & (SPT_ENTRIES - 1);

	entry_cut(m, index, i);
	entry_put(m, index, i, trap_entry(m, m->shadows[index].role));
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

/* The bound of a table's list of parents. PAE roots' links are few, and can be no traps. */
u32 most_parents(const struct mmu *m, u32 child)
{
	const struct shadow *c = &m->shadows[child];
	const struct frame *f = c->role.direct ? NULL : frame_of(m, c->gfn);

	if (c->role.level == 2 && c->role.format != GPTE_64)
		return 4 * MMU_VCPUS_MAX;
	return f && (f->state & FRAME_UNSYNC) ? m->bounds->unsync_parents : m->bounds->parents;
}

/* There is room for a link to a table that nobody has asked for yet. */
bool may_have_parent(const struct mmu *m, u32 child)
{
	u32 length = list_length(m, m->shadows[child].parents);

	return likely(length < m->bounds->kept) || length < most_parents(m, child);
}

/* asked: a fault, or a load of CR3, needs it; else it is filled ahead. */
void entry_link(struct mmu *m, u32 index, u32 i, u32 child, u64 rights, bool asked)
{
	struct shadow *c = &m->shadows[child];
	u32 length;

	/* Whatever index went wrong on the way, no table becomes its own child, or another's by mistake. */
	INVARIANT(11, child && child != index && c->role.level + 1 == m->shadows[index].role.level);
	if (unlikely(c->orphan))
		orphan_adopt(m, child);
	entry_put(m, index, i, table_hpa(m, child) | PTE_P | PTE_A | rights);
	soft_link(m, index, child);
	m->shadows[index].present++;
	length = (asked ? list_add : list_add_behind)(m, &c->parents, slot_make(index, i));
	if (unlikely(length > m->bounds->kept))
		list_bound(m, c->parents, length, most_parents(m, child));
	entry_reaches(m, child);
}

/*
 * A reverse map has got one more entry, its first. Where that is too many, and nobody has asked for this
 * one yet, it is left read-only, or a trap in a direct table: a write that comes all the same is a
 * demand. Else an older one goes.
 */
static void bound_leaves(struct mmu *m, slot_t *head, u32 length, u32 index, u32 i)
{
	const struct shadow *s = &m->shadows[index];
	u32 most = s->role.level == 1 ? m->bounds->frame_leaves : m->bounds->region_leaves;
	u64 *spte = &table_of(m, index)[i];

	if (length <= most || (*spte & PTE_A)) {
		list_bound(m, *head, length, most);
	} else if (s->role.direct) {
		entry_trap(m, *head);
	} else {
		list_del(m, head, *head);
		*spte &= ~PTE_W;
	}
}

/* bits: rights and attributes. The frame is turned to the hole page when it is hidden. */
void entry_leaf(struct mmu_vcpu *v, u32 index, u32 i, u64 gfn, u64 bits)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	u64 spte = gfn << PAGE_SHIFT | PTE_P | bits;
	const struct frame *f;
	slot_t *head;
	u32 length;

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
	if (!head)
		return;
	length = list_add(m, head, slot_make(index, i));
	if (unlikely(length > m->bounds->kept))
		bound_leaves(m, head, length, index, i);
}
