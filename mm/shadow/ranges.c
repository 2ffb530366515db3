/* SPDX-License-Identifier: MIT */
/*
 * Invariant 16. Ranges that are not RAM and yet not the guest's alone: hidden ones, for which it finds the hole
 * page, and watched ones, whose writes are carried out for it. They are few, and anywhere in the
 * address space: a short list, so that frames past RAM cost no memory.
 */
#include "mm/shadow/types.h"

static bool in_ranges(const struct memmap_range *range, u32 nr, u64 gfn, u64 frames)
{
	return ranges_overlap(range, nr, gfn << PAGE_SHIFT, (gfn + frames) << PAGE_SHIFT);
}

/* A frame that has no state of its own, or is no RAM. The topmost one marks traps: spte.h. */
bool far_is_hidden(const struct mmu *m, u64 gfn)
{
	return gfn == m->trap_bits >> PAGE_SHIFT ||
	       in_ranges(m->config.hidden, m->config.nr_hidden, gfn, 1);
}

/* Of a frame that is no RAM. Hidden goes first, where both hold. */
bool far_is_watched(const struct mmu *m, u64 gfn)
{
	return in_ranges(m->config.watched, m->config.nr_watched, gfn, 1) && !gfn_is_hidden(m, gfn);
}

/* The 2 MiB past the last region that hold a frame. */
bool far_is_apart(const struct mmu *m, u64 gfn)
{
	gfn = ALIGN_DOWN(gfn, REGION_FRAMES);
	return in_ranges(m->config.hidden, m->config.nr_hidden, gfn, REGION_FRAMES) ||
	       in_ranges(m->config.watched, m->config.nr_watched, gfn, REGION_FRAMES);
}
