/* SPDX-License-Identifier: MIT */
/*
 * Write protection of guest tables: invariant 4.
 *
 * How much track() finds is bounded: the lists have limits (bounds.h), and a region has one direct
 * level-1 table for each of the roles that such tables have, under 300.
 */
#include "mm/shadow/entry.h"

/*
 * Leaves that lists have; in a function of its own, for most frames that become tables have none. The latest that
 * loses W by it is remembered, for untrack().
 */
static __attribute__((noinline)) void take_leaves(struct mmu *m, struct frame *f, struct region *r)
{
	slot_t latest = 0;

	/* Many tables come back at once, or are made ahead: sync.c, eager.c. */
	m->work += (list_length(m, f->rmap) + list_length(m, r->rmap)) / TAKEN_PER_WORK;
	while (f->rmap) {
		slot_t slot = f->rmap;
		u64 spte = *spte_at(m, slot);

		list_del(m, &f->rmap, slot);
		if (spte & PTE_W) {
			entry_put(m, slot, leaf_narrowed(shadow_at(m, slot)->role, spte));
			latest = latest ? latest : slot;
		} else {
			*spte_at(m, slot) = spte & ~SPTE_LISTED;
		}
	}
	while (r->rmap)
		entry_trap(m, r->rmap);
	f->rmap = latest;
}

/*
 * A leaf of the guest's own tables that track() may have made read-only, by which the guest most likely writes the
 * frame: it is writable again, if that is what it still is.
 */
static __attribute__((noinline)) void give_back(struct mmu *m, u64 gfn, slot_t slot)
{
	const struct shadow *s = shadow_at(m, slot);
	u64 spte = *spte_at(m, slot);

	/* A table out of sync may have lost the right: a CPU may hold what is there, and no more. */
	if (s->role.level != 1 || s->role.direct || s->role.wp0 || s->stale ||
	    table_is_unsync(m, slot_table(slot)) || !spte_is_present(spte, m->trap_bits) ||
	    !(spte & SPTE_PROTECTED) || spte_gfn(spte) != gfn)
		return;
	entry_put(m, slot, (spte & ~(SPTE_PROTECTED | SPTE_NARROWED)) | PTE_W | SPTE_LISTED);
	list_add(m, &m->frames[gfn].rmap, slot);
}

/*
 * The frame is a table from now on: it loses every writable mapping, and a flush is asked for where a TLB may
 * hold one, even one that was dropped before (stale_writable).
 */
void track(struct mmu_vcpu *v, u64 gfn)
{
	struct mmu *m = v->mmu;
	struct frame *f = frame_of(m, gfn);
	struct region *r = region_of(m, gfn);
	bool found = m->stale_writable;

	r->tracked++;
	if (f->rmap | r->rmap) {
		take_leaves(m, f, r);
		found = true;
	}
	for (u32 d = r->direct; d; d = m->shadows[d].region_next) {
		u64 *spte = spte_at(m, slot_make(d, gfn % REGION_FRAMES));

		if (*spte & PTE_W) {
			*spte = (*spte & ~(PTE_W | SPTE_LISTED)) | SPTE_PROTECTED;
			found = true;
		}
	}
	if (found)
		need_flush(m);
}

/*
 * The guest may write the frame again. Direct leaves are given W back, since no fault would; and so is one of the
 * guest's tables, the others get it when they are next asked for.
 */
void untrack(struct mmu *m, u64 gfn)
{
	struct region *r = region_of(m, gfn);
	slot_t latest = m->frames[gfn].rmap;

	r->tracked--;
	m->frames[gfn].rmap = 0;
	if (latest)
		give_back(m, gfn, latest);
	for (u32 d = r->direct; d; d = m->shadows[d].region_next) {
		u64 *spte = spte_at(m, slot_make(d, gfn % REGION_FRAMES));

		/* Whatever an entry's place says: what is watched never becomes writable here. */
		if ((*spte & PTE_ADDR) >> PAGE_SHIFT == gfn)
			*spte = (*spte & ~SPTE_PROTECTED) | PTE_W | SPTE_LISTED;
	}
}

/* The frame is in sync from now on, or has no shadows any more. */
const u64 *unsync_forget(struct mmu *m, u64 gfn)
{
	struct frame *f = &m->frames[gfn];
	u64 *copy = NULL;
	u32 i = 0;

	if (!(f->state & FRAME_SHUT)) {
		while (m->unsync[i].gfn != gfn)
			i++;
		copy = m->unsync[i].copy;
		m->unsync[i] = m->unsync[--m->nr_unsync];
		m->unsync[m->nr_unsync].copy = copy;
	}
	f->state &= ~(FRAME_UNSYNC | FRAME_SHUT);
	return copy;
}

/* Some shadow of a frame is about to be used again: the frame is protected, as any synced table's. */
void frame_reopen(struct mmu_vcpu *v, u64 gfn)
{
	struct frame *f = frame_of(v->mmu, gfn);

	if (f->state & FRAME_SHUT) {
		unsync_forget(v->mmu, gfn);
		track(v, gfn);
	}
}
