/* SPDX-License-Identifier: MIT */
/* Tables as shadows of the guest's: made, dropped, out of sync and back. */
#ifndef MM_SHADOW_LIVES_H
#define MM_SHADOW_LIVES_H

#include "mm/shadow/entry.h"

/* lives.c: shadow tables' lives. */
u32 shadow_get(struct mmu_vcpu *v, u64 gfn, union role role);
void shadow_zap(struct mmu_vcpu *v, u32 index, bool by_guest);
void shadow_zap_unused(struct mmu_vcpu *v, u64 gfn);
void shadow_init(struct mmu *m);
u32 shadow_pae_root(struct mmu_vcpu *v); /* in no list; pinned for good */

/* sync.c: tables out of sync and back. */
void frame_unsync(struct mmu_vcpu *v, u64 gfn);
/* A frame in sync is shut, or goes out of sync where some shadow of it must stay. */
void frame_let_go(struct mmu_vcpu *v, u64 gfn);
void frame_resync(struct mmu_vcpu *v, u64 gfn);
void resync_all(struct mmu_vcpu *v, bool upper_only);
void resync_some(struct mmu_vcpu *v);
void refresh_all(struct mmu_vcpu *v);
bool resync_gva(struct mmu_vcpu *v, u64 gva);
bool has_upper_level(const struct mmu *m, u64 gfn); /* some shadow of the frame has */

#endif
