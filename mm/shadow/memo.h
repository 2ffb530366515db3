/* SPDX-License-Identifier: MIT */
/*
 * Ways that were found not long ago, struct mmu_memos: invariant 23. What may not be as it was is looked for anew by
 * the functions of memo.c, which are the rare case.
 */
#ifndef MM_SHADOW_MEMO_H
#define MM_SHADOW_MEMO_H

#include "mm/shadow/mirror.h"
#include "mm/shadow/shortcut.h"

/* The compiler takes a call of it for rare, and keeps no registers for it on the way beside it. */
#define RARE __attribute__((noinline, cold))

RARE void memo_renew(struct mmu_vcpu *v);
RARE const struct mmu_way *learn_way(struct mmu_vcpu *v, u64 gva);
RARE bool learn_code(struct mmu_vcpu *v, u64 gva, u64 *hpa);
RARE bool learn_own(struct mmu_vcpu *v, u64 gva);
RARE bool learn_mirror(struct mmu_vcpu *v, u64 gva);

/* struct mmu_way's: its state tells whether the table is in sync. */
static inline const struct frame *frame_of_way(const struct mmu *m, const struct shadow *s, u64 gva)
{
	return is_common(s->role) && is_canonical(gva, 48) ? frame_of(m, s->gfn) : NULL;
}

/* The table that it ends at is out of sync. Only where it has a frame. */
static ALWAYS_INLINE bool way_is_unsync(const struct mmu_way *way)
{
	return way->frame->state & FRAME_UNSYNC;
}

/* The place where the way to an address is remembered. */
static ALWAYS_INLINE struct mmu_way *way_at(struct mmu_vcpu *v, u64 gva)
{
	struct mmu_way *way = &v->memo.way[gva / REGION_SIZE % MMU_WAYS];

	/* A compiler that knows how it is made makes it anew for each field. */
	__asm__("" : "+r"(way));
	return way;
}

/* What is remembered is of this root, and its links are as they were. */
static ALWAYS_INLINE bool memo_holds(const struct mmu_vcpu *v)
{
	return v->memo.ways == v->mmu->ways && v->memo.root == v->root;
}

/* To be called before any of those below. */
static ALWAYS_INLINE void memo_begin(struct mmu_vcpu *v)
{
	if (unlikely(!memo_holds(v)))
		memo_renew(v);
}

/* The way to the leaf of an address, of four levels or five; NULL where there is no table of level 1. */
static ALWAYS_INLINE const struct mmu_way *recall_way(struct mmu_vcpu *v, u64 gva)
{
	const struct mmu_way *w = way_at(v, gva);

	return likely(w->where == gva / REGION_SIZE) ? w : learn_way(v, gva);
}

/* Where code is that the CPU has just run: leaf_at(). */
static ALWAYS_INLINE bool recall_code(struct mmu_vcpu *v, u64 gva, u64 *hpa)
{
	const struct mmu_code_way *c = &v->memo.code[gva / PAGE_SIZE % MMU_CODE_WAYS];

	if (unlikely(c->where != gva / PAGE_SIZE || *c->leaf != c->said))
		return learn_code(v, gva, hpa);
	*hpa = c->hpa | (gva & (PAGE_SIZE - 1));
	return true;
}

/* What is left of rights where this entry is on the way: W and U that all have, NX that one has. */
static ALWAYS_INLINE u64 rights_below(u64 rights, u64 gpte)
{
	return (rights & (gpte | PTE_NX)) | (gpte & PTE_NX);
}

/* What v->memo.own has of the guest's own upper tables is of this address, and as they are. */
static ALWAYS_INLINE bool own_holds(const struct mmu_vcpu *v, u64 gva)
{
	const struct mmu_own_way *o = &v->memo.own;

	/* No loop: that takes twice as long. */
	return o->where == gva / REGION_SIZE && *o->at[0] == o->said[0] &&
	       *o->at[1] == o->said[1] && *o->at[2] == o->said[2] && *o->at[3] == o->said[3];
}

/* Afterwards it is; false: some entry there is not present, not accessed, reserved, or a large page. */
static ALWAYS_INLINE bool recall_own(struct mmu_vcpu *v, u64 gva)
{
	return likely(own_holds(v, gva)) || learn_own(v, gva);
}

/* The way down the shadow tables, by links that may be followed as they are: link_is_good(). After recall_own(). */
static ALWAYS_INLINE const struct mmu_way *recall_mirror(struct mmu_vcpu *v, u64 gva)
{
	return likely(v->memo.own.mirror) || learn_mirror(v, gva) ? v->memo.own.mirror : NULL;
}

#endif
