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

/* A listed leaf is about to say something else: its frame's reverse map goes without it. */
static ALWAYS_INLINE void leaf_unmap(struct mmu *m, slot_t slot, u64 spte)
{
	u64 gfn = spte_gfn(spte);
	struct frame *f;

	m->stale_writable = true;
	/* Of what is no RAM, in no list, it is 0 anyway. */
	if (likely(m->links[slot].prev == ALONE && gfn < m->nr_frames)) {
		m->frames[gfn].rmap = 0;
		return;
	}
	f = frame_of(m, gfn);
	if (f)
		list_del(m, &f->rmap, slot);
}

/* entry_drop() of a leaf that is present. */
static ALWAYS_INLINE void leaf_drop(struct mmu *m, struct shadow *s, slot_t slot, u64 spte)
{
	s->present--;
	if (spte & SPTE_LISTED)
		leaf_unmap(m, slot, spte);
}

/*
 * Put a leaf, as spte_wanted() has it, in the place of whatever is there. Where the frame stays, its reverse map
 * does, whether it may be written or not. False, with nothing done, for what is no ordinary RAM, and where traps have
 * to be counted.
 */
static ALWAYS_INLINE bool leaf_put(struct mmu *m, struct shadow *s, slot_t slot, u64 spte)
{
	u64 *entry = spte_at(m, slot), old = *entry, mapped = 0;
	struct frame *f = frame_of(m, spte_gfn(spte));

	if (unlikely(!f || m->soft_traps))
		return false;
	/* Invariant 4. */
	if (spte & PTE_W)
		spte = unlikely(frame_is_tracked(f)) ? leaf_narrowed(s->role, spte)
						     : spte | SPTE_LISTED;
	if (unlikely((old ^ spte) & SPTE_NARROWED))
		reach_narrowed(m, slot_table(slot), spte);
	if (!spte_is_present(old, m->trap_bits)) {
		*entry = spte;
		s->lines |= line_bit(slot);
		s->live |= line_bit(slot);
		s->present++;
	} else {
		mapped = old & SPTE_LISTED;
		if (mapped && (((old ^ spte) & PTE_ADDR) || (spte & SPTE_NARROWED))) {
			leaf_unmap(m, slot, old);
			mapped = 0;
		}
		*entry = spte | mapped;
	}
	if ((spte & PTE_W) && !mapped) {
		u32 length = list_add(m, &f->rmap, slot);

		if (unlikely(length > m->bounds->kept))
			bound_leaves(m, &f->rmap, length);
	}
	return true;
}

/*
 * A line's places, and the frames: what does not change while its leaves are put. A compiler that sees their stores
 * cannot know that.
 */
struct places {
	u64 *line;
	struct spte_link *links;
	struct frame *frames;
	u64 nr_frames;
	slot_t first;
};

static ALWAYS_INLINE struct places places_of(const struct mmu *m, slot_t first)
{
	return (struct places){.line = spte_at(m, first),
			       .links = &m->links[first],
			       .frames = m->frames,
			       .nr_frames = m->nr_frames,
			       .first = first};
}

/*
 * leaf_put() in the place of what is not present, where traps are not counted, but for the table's counts and maps,
 * which are the caller's: a page of RAM that is no table, as most is, and in no list where it may be written; and nothing
 * is narrowed. False: nothing is done.
 */
static ALWAYS_INLINE bool quick_add(const struct places *p, u32 k, u64 spte)
{
	u64 gfn = spte_gfn(spte);
	struct frame *f = &p->frames[gfn];

	if (gfn >= p->nr_frames || (spte & SPTE_NARROWED))
		return false;
	if (spte & PTE_W) {
		if (!frame_is_idle(f))
			return false;
		spte |= SPTE_LISTED;
		p->links[k] = (struct spte_link){.next = 0, .prev = ALONE};
		f->rmap = p->first + k;
	} else if (f->state) {
		return false;
	}
	p->line[k] = spte;
	return true;
}

/*
 * leaf_put() where W alone changes, from old: a guest protects many pages at once, and grants them again. A listed
 * leaf may be written at once, for a tracked frame's list is empty. False, with nothing done, where one would have to be
 * listed that is of no ordinary page of RAM, or whose list would grow too long.
 */
static ALWAYS_INLINE bool leaf_turn(struct mmu *m, const struct places *p, u32 k, u64 old, u64 spte)
{
	u64 gfn = spte_gfn(spte);
	struct frame *f = &p->frames[gfn];

	if (unlikely(!(old & SPTE_LISTED))) {
		if (gfn >= p->nr_frames || f->state || list_length(m, f->rmap) >= m->bounds->kept)
			return false;
		list_add(m, &f->rmap, p->first + k);
	}
	p->line[k] = spte | SPTE_LISTED;
	return true;
}

/*
 * The same in the plainest cases, where nothing else follows: nothing is narrowed, each page is no table, and no list
 * is near its bound. No function is called, so that few registers are kept. False: nothing is done.
 */

/* A listed leaf is to go; only if its frame has no other. */
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
	    ((old & SPTE_LISTED) && !quick_unmap(m, slot, old)))
		return false;
	s->present--;
	*entry = empty;
	return true;
}

/* A leaf like spte comes in the place of what is there: put, which may be listed. One that stays does in its list. */
static ALWAYS_INLINE bool quick_put(struct mmu *m, struct shadow *s, slot_t slot, u64 spte, u64 put)
{
	u64 *entry = spte_at(m, slot), old = *entry;

	if ((old | spte) & SPTE_NARROWED)
		return false;
	if (!spte_is_present(old, m->trap_bits)) {
		s->lines |= line_bit(slot);
		s->live |= line_bit(slot);
		s->present++;
	} else if (!((old ^ spte) & ~(PTE_A | PTE_D))) {
		return false;
	} else if (old & SPTE_LISTED) {
		if (!((old ^ spte) & PTE_ADDR))
			put |= SPTE_LISTED;
		else if (!quick_unmap(m, slot, old))
			return false;
	}
	*entry = put;
	return true;
}

/* A writable leaf of a frame whose list has others, or this one. */
static ALWAYS_INLINE bool quick_shared(struct mmu *m, struct shadow *s, slot_t slot, u64 spte,
				       struct frame *f)
{
	u64 *entry = spte_at(m, slot), old = *entry;

	if ((old | spte) & SPTE_NARROWED)
		return false;
	if (!spte_is_present(old, m->trap_bits)) {
		if (list_length(m, f->rmap) >= m->bounds->kept)
			return false;
		s->lines |= line_bit(slot);
		s->live |= line_bit(slot);
		s->present++;
		list_add(m, &f->rmap, slot);
	} else if (!(old & SPTE_LISTED) || ((old ^ spte) & PTE_ADDR) ||
		   !((old ^ spte) & ~(PTE_A | PTE_D))) {
		return false;
	}
	*entry = spte | SPTE_LISTED;
	return true;
}

/* f: the leaf's frame, whose state is 0. */
static ALWAYS_INLINE bool quick_leaf(struct mmu *m, struct shadow *s, slot_t slot, u64 spte,
				     struct frame *f)
{
	if (!(spte & PTE_W))
		return quick_put(m, s, slot, spte, spte);
	if (f->rmap)
		return quick_shared(m, s, slot, spte, f);
	if (!quick_put(m, s, slot, spte, spte | SPTE_LISTED))
		return false;
	m->links[slot] = (struct spte_link){.next = 0, .prev = ALONE};
	f->rmap = slot;
	return true;
}

#endif
