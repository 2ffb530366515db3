/* SPDX-License-Identifier: MIT */
/* Changing one shadow entry: the lists it is in, the counts, and what the hardware may still hold. */
#include "mm/shadow/leaf.h"

/* The list that a present leaf is in, or NULL. */
static slot_t *rmap_head(struct mmu *m, union role role, u64 spte)
{
	struct frame *f;
	struct region *r;

	if (!(spte & SPTE_LISTED) || (role.level == 1 && role.direct))
		return NULL;
	if (role.level > 1) {
		r = region_of(m, spte_gfn(spte));
		return r ? &r->rmap : NULL;
	}
	f = frame_of(m, spte_gfn(spte));
	return f ? &f->rmap : NULL;
}

/*
 * An entry that is present is about to say something else. by_guest: the guest wants it so, and a child that
 * nobody can reach any more is an orphan; else the child is still the guest's table.
 *
 * A 4M page, or a large page that is split, is several entries in the hardware's eyes: the guest's INVLPG
 * of any address drops the whole page, the hardware's only a part. So such a part asks for a flush.
 */
void entry_drop(struct mmu *m, slot_t slot, bool by_guest)
{
	struct shadow *s = shadow_at(m, slot);
	u64 spte = *spte_at(m, slot);
	slot_t *head;

	s->present--;
	if (spte_is_link(s->role.level, spte)) {
		u32 child = spte_child(m, spte);

		list_del(m, &m->shadows[child].parents, slot);
		reach_unlinked(m, slot_table(slot), child);
		/* See reach.c: a CPU that still holds the link is beyond what is counted. */
		if (m->soft_traps || m->shadows[child].role.direct)
			need_flush(m);
		if (by_guest && !shadow_in_use(m, child) && !m->shadows[child].role.direct)
			orphan_add(m, child);
		return;
	}
	/* Nor is code ever kept in two sizes: invariant 25. */
	if ((s->role.format == GPTE_32 && s->role.level == 2) ||
	    (s->role.level > 1 && !(spte & PTE_NX)))
		need_flush(m);
	head = rmap_head(m, s->role, spte);
	if (head)
		list_del(m, head, slot);
	if (spte & SPTE_LISTED)
		m->stale_writable = true;
}

/* Take an entry that is present away; it comes back by a fault. */
void entry_trap(struct mmu *m, slot_t slot)
{
	entry_drop(m, slot, false);
	entry_put(m, slot, trap_entry(m, shadow_at(m, slot)->role));
}

/* A list has become too long: take the first entry away that is not among the latest. */
static void list_bound(struct mmu *m, slot_t head, u32 length, u32 most)
{
	if (length <= most)
		return;
	for (u32 i = 0; i < m->bounds->kept; i++)
		head = m->links[head].next;
	entry_trap(m, head);
}

/*
 * A link to this table is new, or grants other accesses; to take U away grants too, with SMEP and SMAP.
 * What the guest changed in tables while they were out of such reach owed no flush: below, nothing that
 * lags behind may be seen.
 */
static void came_into_reach(struct mmu *m, u32 child)
{
	const struct shadow *c = &m->shadows[child];

	if (m->nr_unsync && c->present &&
	    (c->role.level > 1 ? !c->role.direct : table_is_unsync(m, child)))
		m->relinked = true;
}

/* The bound of a table's list of parents. PAE roots' links are few, and can be no traps. */
u32 most_parents(const struct mmu *m, u32 child)
{
	const struct shadow *c = &m->shadows[child];

	if (c->role.level == 2 && c->role.format != GPTE_64)
		return 4 * MMU_VCPUS_MAX;
	return table_is_unsync(m, child) ? m->bounds->unsync_parents : m->bounds->parents;
}

/* bits: the entry but for the address. asked: a fault, or a load of CR3, needs it; else it is filled ahead. */
void entry_link(struct mmu *m, slot_t slot, u32 child, u64 bits, bool asked)
{
	struct shadow *s = shadow_at(m, slot), *c = &m->shadows[child];
	u32 length;

	/* Whatever index went wrong on the way, no table becomes its own child, or another's by mistake. */
	INVARIANT(11, child && c != s && c->role.level + 1 == s->role.level);
	if (unlikely(c->orphan))
		shadow_used(m, child);
	entry_put_present(m, slot, table_hpa(m, child) | (bits & ~PTE_ADDR));
	reach_linked(m, slot_table(slot), child);
	length = asked ? list_add(m, &c->parents, slot) : list_add_behind(m, &c->parents, slot);
	if (unlikely(length > m->bounds->kept))
		list_bound(m, c->parents, length, most_parents(m, child));
	came_into_reach(m, child);
}

/*
 * A reverse map has got one more entry, its first. Where that is too many, and nobody has asked for this
 * one yet, it is left read-only, or a trap in a direct table: a write that comes all the same is a
 * demand. Else an older one goes.
 */
void bound_leaves(struct mmu *m, slot_t *head, u32 length)
{
	const struct shadow *s = shadow_at(m, *head);
	u32 most = s->role.level == 1 ? m->bounds->frame_leaves : m->bounds->region_leaves;
	u64 *spte = spte_at(m, *head);

	if (length <= most || (*spte & PTE_A)) {
		list_bound(m, *head, length, most);
	} else if (s->role.direct) {
		entry_trap(m, *head);
	} else {
		/* As where the page is a table: the pass over the table that comes next leaves it alone. */
		entry_put(m, *head, leaf_narrowed(s->role, *spte));
		list_del(m, head, *head);
	}
}

/*
 * spte: a present leaf for a frame, all rights granted. A frame that is hidden is turned to the hole
 * page (invariant 16); one that is tracked (invariant 4) or watched is not writable.
 */
void entry_leaf(struct mmu_vcpu *v, slot_t slot, u64 spte)
{
	struct mmu *m = v->mmu;
	struct shadow *s = shadow_at(m, slot);
	u64 gfn = spte_gfn(spte);
	const struct frame *f;
	slot_t *head;
	u32 length;

	if (s->role.level > 1) {
		/* must_split() has looked. A CPU may keep small leaves by a link that was here. */
		if (m->stale_ways && !(spte & PTE_NX))
			need_flush(m);
	} else if (gfn_is_hidden(m, gfn)) {
		spte = (spte & ~PTE_ADDR) | m->config.hole_hpa;
		count(v->counters, hole_mapped);
	} else if (spte & PTE_W) {
		f = frame_of(m, gfn);
		if (likely(f) ? frame_is_tracked(f) : far_is_watched(m, gfn))
			spte = leaf_narrowed(s->role, spte);
	}
	if (spte & PTE_W)
		spte |= SPTE_LISTED;
	entry_put_present(m, slot, spte);
	head = rmap_head(m, s->role, spte);
	if (!head)
		return;
	length = list_add(m, head, slot);
	if (unlikely(length > m->bounds->kept))
		bound_leaves(m, head, length);
}

/*
 * Other rights for a link that stays. Rights that are lost, or those to a part of a large page, of which
 * the guest's INVLPG drops only one address, may be cached anywhere.
 */
static bool set_link_rights(struct mmu *m, slot_t slot, u32 child, u64 bits)
{
	u64 *spte = spte_at(m, slot), old = *spte;
	u64 mine = PTE_RIGHTS | SPTE_LENT | SPTE_NARROWED | PTE_A;

	entry_put(m, slot, (old & ~mine) | (bits & mine));
	if (!((*spte ^ old) & PTE_RIGHTS))
		return false;
	m->ways++;
	m->stale_ways = true;
	came_into_reach(m, child);
	if ((old & ~*spte & (PTE_W | PTE_U)) || (*spte & ~old & PTE_NX) ||
	    m->shadows[child].role.direct)
		need_flush(m);
	return true;
}

/* spte_set() for an entry that is to be present. */
bool entry_install(struct mmu_vcpu *v, slot_t slot, struct spte_want want, u32 child, bool asked)
{
	struct mmu *m = v->mmu;
	u64 *spte = spte_at(m, slot), old = *spte;
	struct shadow *s = shadow_at(m, slot);
	bool was = spte_is_present(old, m->trap_bits);

	if (child && child == linked_child(m, slot, want))
		return set_link_rights(m, slot, child, want.spte);
	if (s->role.level > 1 || !leaf_put(m, s, slot, want.spte)) {
		if (was)
			entry_drop(m, slot, true);
		if (child)
			entry_link(m, slot, child, want.spte, asked);
		else if (want.child.word)
			entry_put(m, slot, trap_entry(m, s->role));
		else
			entry_leaf(v, slot, want.spte);
	}
	if (!want.child.word && !asked)
		count(v->counters, mmu_prefill);
	/* The guest owes no flush for what it has not changed. */
	if (!want.child.word && asked && was && (old & ~*spte & (PTE_W | PTE_U)))
		need_flush(m);
	return (old ^ *spte) & ~(PTE_A | PTE_D);
}
