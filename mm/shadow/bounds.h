/* SPDX-License-Identifier: MIT */
/*
 * What keeps every exit short, whatever the guest's tables look like: invariant 12, 2 M instructions.
 *
 * Lists that a guest could make long have a limit: one more entry that is asked for makes a trap of an
 * older one, one that is not asked for is not made. And what many tables would need at once is done to a
 * few; the others are out of reach until the faults that want them back.
 */
#ifndef MM_SHADOW_BOUNDS_H
#define MM_SHADOW_BOUNDS_H

#include "arch/types.h"

struct mmu_bounds {
	/*
	 * The latest entries of a list, which are never dropped: an instruction, with the delivery of an event,
	 * goes through no more mappings of one frame. No limit below is less.
	 */
	u32 kept;
	/* Writable 4K leaves of one frame, 2M leaves of one region: what track() has to find. */
	u32 frame_leaves, region_leaves;
	/* Links to one table; the same while it is out of sync, so that it can be shut: frame_shut(). */
	u32 parents, unsync_parents;
	/* Frames out of sync that somebody can reach; at most MMU_UNSYNC_MAX. */
	u32 unsync;
	/* Shadows of one frame; direct tables in one bucket of the hash. */
	u32 frame_shadows, bucket;
	/* What one exit does that could be done later, in units of about 300 instructions: struct mmu. */
	u32 work;
	/* The guest's own not-present faults that exit for soft traps, before soften.c sets A bits for them. */
	u32 soften_after;
};

#define MMU_UNSYNC_MAX 64

extern const struct mmu_bounds mmu_bounds;

#endif
