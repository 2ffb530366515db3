/* SPDX-License-Identifier: MIT */
/* Tables as shadows of the guest's: made, dropped, out of sync and back. */
#ifndef MM_SHADOW_LIVES_H
#define MM_SHADOW_LIVES_H

#include "mm/shadow/entry.h"

/* lives.c: shadow tables' lives. gfn: a page frame's number, here and below. */

/*
 * The shadow of a frame in this role, found or made, and right to be linked: filled in, its frame protected unless
 * it is out of sync, and held until the operation ends. It may recycle any table that nothing holds. gfn: of a
 * direct table, the first frame that it maps; of no RAM, a table of traps. Returns the table's index.
 */
u32 shadow_get(struct mmu_vcpu *v, u64 gfn, union role role);

/* Drop a table that nothing pins: its links, its entries, what is kept of them. by_guest: see lives.c. */
void shadow_zap(struct mmu_vcpu *v, u32 index, bool by_guest);
void shadow_zap_unused(struct mmu_vcpu *v, u64 gfn);
void shadow_init(struct mmu *m);
u32 shadow_pae_root(struct mmu_vcpu *v); /* in no list; pinned for good */

/* sync.c: tables out of sync and back. */

/* Let the guest write a tracked frame itself: out of sync. Nothing is done to one that is not tracked. */
void frame_unsync(struct mmu_vcpu *v, u64 gfn);
/*
 * A flood has written an entry at gpa. Where it is one that clears entries of level 1, and what is left is likely to go
 * the same way and is little, the table's shadows are dropped. False, with nothing done, where they are not.
 */
bool frame_unmapped(struct mmu_vcpu *v, u64 gpa);
/* A frame in sync is shut, or goes out of sync where some shadow of it must stay. */
void frame_let_go(struct mmu_vcpu *v, u64 gfn);
/* A frame out of sync and not shut is tracked again, and its shadows say what it says, or are shut. */
void frame_resync(struct mmu_vcpu *v, u64 gfn);
/* frame_resync() for all that are out of sync, or those with an upper level; what there is no time for is shut. */
void resync_all(struct mmu_vcpu *v, bool upper_only);
/* Bring as many tables back in sync as one exit may. */
void resync_some(struct mmu_vcpu *v);
/* Shadows out of sync say what their tables say now, and stay out of sync: settle()'s part. */
void refresh_all(struct mmu_vcpu *v);
/* Bring the entries on the way to one linear address up to date. False: no table there is out of sync. */
bool resync_gva(struct mmu_vcpu *v, u64 gva);
bool has_upper_level(const struct mmu *m, u64 gfn); /* some shadow of the frame has */

/*
 * linger.c: a frame's table, out of sync, was used at gva, and its entry follows already; or the guest has taken a fault
 * of its own there, pfec. Its flood is over by that, most often: it comes back, all that the guest has mapped meanwhile
 * is filled, and its next not-present faults do not exit. Not with sync=never.
 */
void unsync_used(struct mmu_vcpu *v, u64 gfn, u64 gva);
void unsync_faulted(struct mmu_vcpu *v, u64 gfn, u32 pfec);
/*
 * A user's fault by rights of its own has exited, at a table in sync. Under the user filter it would not have: after some
 * of them, what is out of sync comes back.
 */
void unsync_hinders(struct mmu_vcpu *v);

/* dying.c: a guest has cleared the link to a page table in this shadow of a page directory. */
void page_table_went(struct mmu_vcpu *v, u32 index);

#endif
