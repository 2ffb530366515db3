/* SPDX-License-Identifier: MIT */
/* The audit of page frames and regions: their tables, and the reverse maps of those that map them. */
#include "mm/shadow/audit.h"

/* A leaf at this level that says that it is listed, and maps this frame, or region. */
static bool maps(const struct mmu *m, slot_t slot, int level, u64 gfn)
{
	const struct shadow *s = shadow_at(m, slot);
	u64 spte = *spte_at(m, slot);

	return s->role.level == (u32)level && spte_is_present(spte, m->trap_bits) &&
	       !spte_is_link(level, spte) && (spte & SPTE_LISTED) &&
	       (spte & PTE_ADDR) >> LEVEL_SHIFT(level) == gfn << PAGE_SHIFT >> LEVEL_SHIFT(level);
}

/* Every entry of a reverse map is a leaf that maps the frame, or region, writable or so once. */
static void check_rmap(struct audit *a, slot_t head, int level, u64 gfn)
{
	const struct mmu *m = a->v->mmu;
	u32 most = level == 1 ? m->bounds->frame_leaves : m->bounds->region_leaves;

	if (audit_if(a, !audit_list(m, head) || list_length(m, head) > most, head,
		     "a reverse map is broken, or too long"))
		return;
	for (slot_t at = head; at; at = m->links[at].next) {
		a->maps++;
		audit_if(a,
			 !maps(m, at, level, gfn) || (level == 1 && shadow_at(m, at)->role.direct),
			 at, "a reverse map has an entry that is no map");
	}
}

/* Shadows of a frame that is shut lag behind, all of them. */
static void check_stale(struct audit *a, const struct frame *f, u32 index)
{
	const struct shadow *s = &a->v->mmu->shadows[index];

	audit_if(a, s->stale && shadow_in_use(a->v->mmu, index), slot_make(index, 0),
		 "a table that lags behind can be reached (invariant 13)");
	audit_if(a, (f->state & FRAME_SHUT) && !(s->stale && (f->state & FRAME_UNSYNC)),
		 slot_make(index, 0),
		 "a table of a frame that is shut can be reached (invariant 13)");
}

static void check_frame(struct audit *a, u64 gfn)
{
	const struct mmu *m = a->v->mmu;
	const struct frame *f = &m->frames[gfn];
	u32 first = f->state & FRAME_TABLES;

	audit_if(a, (f->state & (FRAME_NOT_RAM | FRAME_HIDDEN)) && (f->rmap || first),
		 slot_make(first, 0), "what is no guest RAM has a table, or a map");
	audit_if(a, (f->state & FRAME_UNSYNC) && !first, 0,
		 "a frame without a table is out of sync");
	for (u32 i = first; i; i = m->shadows[i].next) {
		const struct shadow *s = &m->shadows[i];

		if (audit_if(a, !s->role.level || s->role.direct || s->gfn != gfn, slot_make(i, 0),
			     "a frame's list has another's table"))
			break;
		check_stale(a, f, i);
	}
	if (!frame_is_tracked(f))
		check_rmap(a, f->rmap, 1, gfn);
	else
		audit_if(a, slot_table(f->rmap) >= m->nr_shadows, f->rmap,
			 "a tracked frame remembers a leaf that cannot be");
}

/* The direct level-1 tables of a region: that all are there, audit_lists.c checks. */
static void check_direct_list(struct audit *a, u64 r)
{
	const struct mmu *m = a->v->mmu;

	for (u32 i = m->regions[r].direct; i; i = m->shadows[i].region_next) {
		const struct shadow *s = &m->shadows[i];

		if (audit_if(a,
			     s->role.level != 1 || !s->role.direct || s->gfn != r * REGION_FRAMES,
			     slot_make(i, 0), "a region's list has another's table"))
			break;
	}
}

/*
 * Of most frames there is nothing to check: the next one from gfn on of which there is, or end. states: what all say.
 * Not in line, as next_used() of entries.
 */
static __attribute__((noinline)) u64 next_used(const struct mmu *m, u64 gfn, u64 end, u32 *states)
{
	for (; gfn < end; gfn++) {
		const struct frame *f = &m->frames[gfn];

		*states |= f->state;
		if (f->rmap | (f->state & (FRAME_TABLES | FRAME_UNSYNC)))
			break;
	}
	return gfn;
}

/* Returns how many of its frames are out of sync. */
static u32 check_region(struct audit *a, u64 r)
{
	const struct mmu *m = a->v->mmu;
	u64 first = r * REGION_FRAMES, end = first + REGION_FRAMES;
	u64 gfn = first;
	u32 tracked = 0, unsync = 0, states = 0;

	if (end > m->nr_frames)
		end = m->nr_frames;
	for (; (gfn = next_used(m, gfn, end, &states)) < end; gfn++) {
		const struct frame *f = &m->frames[gfn];

		check_frame(a, gfn);
		tracked += frame_is_tracked(f);
		unsync += (f->state & (FRAME_UNSYNC | FRAME_SHUT)) == FRAME_UNSYNC;
	}
	audit_if(a, tracked != m->regions[r].tracked, 0,
		 "a region's number of tracked frames is wrong");
	audit_if(a, (states & FRAME_HIDDEN) && !m->regions[r].apart, 0,
		 "a region with the hypervisor's memory does not say so");
	check_rmap(a, m->regions[r].rmap, 2, first);
	check_direct_list(a, r);
	return unsync;
}

void audit_frames(struct audit *a)
{
	const struct mmu *m = a->v->mmu;
	u32 unsync = 0;

	for (u64 r = 0; r < m->nr_regions; r++)
		unsync += check_region(a, r);
	audit_if(a, unsync != m->nr_unsync, 0, "a frame out of sync is in no list");
}
