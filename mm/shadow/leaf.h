/* SPDX-License-Identifier: MIT */
/*
 * Leaves of level 1 in shadows of the guest's tables, by far the most frequent entries, in a straight line. What
 * they do is what entry_drop() and entry_leaf() would, which are for every kind.
 */
#ifndef MM_SHADOW_LEAF_H
#define MM_SHADOW_LEAF_H

#include "mm/shadow/entry.h"

/* A list's only entry: most frames are mapped once. */
#define ALONE (LIST_FIRST | 1)

/* A writable leaf is about to say something else: its frame's reverse map goes without it. */
static ALWAYS_INLINE void leaf_unmap(struct mmu *m, slot_t slot, u64 spte)
{
	struct frame *f = frame_of(m, spte_gfn(spte));

	if (likely(f && m->links[slot].prev == ALONE))
		f->rmap = 0;
	else if (f)
		list_del(m, &f->rmap, slot);
	m->stale_writable = true;
}

/* entry_drop() of a leaf that is present. */
static ALWAYS_INLINE void leaf_drop(struct mmu *m, struct shadow *s, slot_t slot, u64 spte)
{
	s->present--;
	if (spte & PTE_W)
		leaf_unmap(m, slot, spte);
}

/*
 * Put a leaf, as spte_wanted() has it, in the place of whatever is there. Where the frame stays, its reverse map
 * does. False, with nothing done, for what is no ordinary RAM, and where traps have to be counted.
 */
static ALWAYS_INLINE bool leaf_put(struct mmu *m, struct shadow *s, slot_t slot, u64 spte)
{
	u64 *entry = spte_at(m, slot), old = *entry, mapped = 0;
	struct frame *f = frame_of(m, spte_gfn(spte));

	if (unlikely(!f || m->soft_traps))
		return false;
	/* Invariant 4. */
	if (spte & PTE_W)
		spte = unlikely(frame_is_tracked(f)) ? leaf_narrowed(s->role, spte) : spte | PTE_D;
	if (unlikely((old ^ spte) & SPTE_NARROWED))
		reach_narrowed(m, slot_table(slot), spte);
	if (!spte_is_present(old, m->trap_bits)) {
		*entry = spte;
		s->lines |= line_bit(slot);
		s->live |= line_bit(slot);
		s->present++;
	} else {
		*entry = spte;
		mapped = old & PTE_W;
		if (mapped && (((old ^ spte) & PTE_ADDR) || !(spte & PTE_W))) {
			leaf_unmap(m, slot, old);
			mapped = 0;
		}
	}
	if ((spte & PTE_W) && !mapped) {
		u32 length = list_add(m, &f->rmap, slot);

		if (unlikely(length > m->bounds->kept))
			bound_leaves(m, &f->rmap, length);
	}
	return true;
}

/* What a leaf of level 1 has of the guest's entry, beside rights and key. */
#define SMALL_LEAF (PTE_P | PTE_PWT | PTE_PCD | PTE_PAT | PTE_G | PTE_ADDR)

/*
 * leaf_put() where the guest's entry, one of 64 bits with CR0.WP=1 that is usable, differs from the leaf by W alone: a
 * guest protects many pages at once, and grants them again. False, with nothing done, where it is not so plain.
 */
static ALWAYS_INLINE bool leaf_turn(struct mmu *m, slot_t slot, u64 gpte)
{
	u64 *entry = spte_at(m, slot), old = *entry, gfn = spte_gfn(gpte);
	struct frame *f = &m->frames[gfn];

	if (((old ^ gpte) & (SMALL_LEAF | PTE_RIGHTS | PTE_PK)) != PTE_W ||
	    (old & (SPTE_NARROWED | SPTE_PROTECTED | SPTE_LENT)) || gfn >= m->nr_frames || f->state)
		return false;
	if (old & PTE_W) {
		list_del(m, &f->rmap, slot);
		m->stale_writable = true;
		*entry = old & ~(PTE_W | PTE_A | PTE_D);
		return true;
	}
	if (!(gpte & PTE_D) || list_length(m, f->rmap) >= m->bounds->kept)
		return false;
	list_add(m, &f->rmap, slot);
	*entry = (old & ~PTE_A) | PTE_W | PTE_D;
	return true;
}

/*
 * leaf_put() in the place of what is not present, where traps are not counted, but for the table's counts and maps,
 * which are the caller's. False, with nothing done, for what is no ordinary RAM.
 */
static ALWAYS_INLINE bool leaf_add(struct mmu *m, const struct shadow *s, slot_t slot, u64 spte)
{
	u64 gfn = spte_gfn(spte), *entry = spte_at(m, slot);
	struct frame *f = &m->frames[gfn];
	u32 length;

	if (unlikely(gfn >= m->nr_frames))
		return false;
	/* RAM that is no table, as most is, and mapped nowhere. */
	if (likely(!(f->rmap | f->state))) {
		if (spte & PTE_W) {
			spte |= PTE_D;
			m->links[slot] = (struct spte_link){.next = 0, .prev = ALONE};
			f->rmap = slot;
		}
		if (unlikely(spte & SPTE_NARROWED))
			reach_narrowed(m, slot_table(slot), spte);
		*entry = spte;
		return true;
	}
	if (unlikely(f->state & (FRAME_NOT_RAM | FRAME_HIDDEN)))
		return false;
	/* Invariant 4. */
	if (spte & PTE_W)
		spte = unlikely(frame_is_tracked(f)) ? leaf_narrowed(s->role, spte) : spte | PTE_D;
	if (unlikely(spte & SPTE_NARROWED))
		reach_narrowed(m, slot_table(slot), spte);
	*entry = spte;
	if (!(spte & PTE_W))
		return true;
	length = list_add(m, &f->rmap, slot);
	if (unlikely(length > m->bounds->kept))
		bound_leaves(m, &f->rmap, length);
	return true;
}

/*
 * The same in the plainest cases, where nothing else follows: nothing is narrowed, no page is a table, and the
 * one that is mapped no longer was writable in this place alone. No function is called, so that few registers are
 * kept. False: nothing is done.
 */

/* A leaf that was writable is to go; only if its frame has no other. */
static ALWAYS_INLINE bool quick_unmap(struct mmu *m, slot_t slot, u64 old)
{
	u64 gfn = spte_gfn(old);

	if (m->links[slot].prev != ALONE || gfn >= m->nr_frames)
		return false;
	m->frames[gfn].rmap = 0;
	m->stale_writable = true;
	return true;
}

static ALWAYS_INLINE bool quick_clear(struct mmu *m, struct shadow *s, slot_t slot, u64 empty)
{
	u64 *entry = spte_at(m, slot), old = *entry;

	if (!spte_is_present(old, m->trap_bits) || (old & SPTE_NARROWED) ||
	    ((old & PTE_W) && !quick_unmap(m, slot, old)))
		return false;
	s->present--;
	*entry = empty;
	return true;
}

/*
 * A frame gets one more writable leaf, in the place of old: its list has no limit to be looked at, as where a kernel
 * maps all memory by small pages, and old is not in it.
 */
static ALWAYS_INLINE bool may_map_quickly(const struct mmu *m, const struct frame *f, u64 old,
					  u64 spte)
{
	return likely(!f->rmap) ||
	       (list_length(m, f->rmap) < m->bounds->kept && ((old ^ spte) & PTE_ADDR));
}

/* f: the leaf's frame, whose state is 0. */
static ALWAYS_INLINE bool quick_leaf(struct mmu *m, struct shadow *s, slot_t slot, u64 spte,
				     struct frame *f)
{
	u64 *entry = spte_at(m, slot), old = *entry;

	if (((old | spte) & SPTE_NARROWED) || ((spte & PTE_W) && !may_map_quickly(m, f, old, spte)))
		return false;
	if (!spte_is_present(old, m->trap_bits)) {
		s->lines |= line_bit(slot);
		s->live |= line_bit(slot);
		s->present++;
	} else if (leaf_holds(old, spte) || ((old & PTE_W) && !quick_unmap(m, slot, old))) {
		return false;
	}
	if (spte & PTE_W) {
		spte |= PTE_D;
		list_add(m, &f->rmap, slot);
	}
	*entry = spte;
	return true;
}

#endif
