/* SPDX-License-Identifier: MIT */
/*
 * Tables out of sync: the guest writes them freely, their shadows lag behind until a flush that the
 * guest owes anyway. Not-present entries become traps, since not present -> present owes no flush.
 */
#include "mm/mmu_internal.h"

void unsync_forget(struct mmu *m, u64 gfn)
{
	u32 i = 0;

	while (m->unsync[i] != gfn)
		i++;
	m->unsync[i] = m->unsync[--m->nr_unsync];
	m->frames[gfn].state &= ~FRAME_UNSYNC;
}

static bool has_upper_level(const struct mmu *m, u64 gfn)
{
	for (u32 s = m->frames[gfn].state & FRAME_TABLES; s; s = m->shadows[s].next) {
		if (m->shadows[s].role.level > 1)
			return true;
	}
	return false;
}

void frame_unsync(struct mmu_vcpu *v, u64 gfn)
{
	struct mmu *m = v->mmu;
	struct frame *f = frame_of(m, gfn);

	if (frame_is_tracked(f) && m->nr_unsync == MMU_UNSYNC_MAX)
		resync_all(v, false);
	/* That may have dropped this frame's shadows. */
	if (!frame_is_tracked(f))
		return;
	if (has_upper_level(m, gfn))
		m->upper_unsync = true;
	untrack(m, gfn);
	f->state |= FRAME_UNSYNC;
	m->unsync[m->nr_unsync++] = gfn;
	for (u32 s = f->state & FRAME_TABLES; s; s = m->shadows[s].next)
		table_trap(m, s);
	count(v->counters, mmu_unsync);
}

/* Entries changed while a table was out of sync that make up for two passes over it and an exit. */
#define FLOOD_PAYS 4

void frame_resync(struct mmu_vcpu *v, u64 gfn)
{
	struct mmu *m = v->mmu;
	struct frame *f = frame_of(m, gfn);

	unsync_forget(m, gfn);
	track(v, gfn);
	shadow_zap_unused(v, gfn);
	for (u32 s = f->state & FRAME_TABLES; s; s = m->shadows[s].next) {
		m->shadows[s].writes = 0;
		m->shadows[s].flood_paid = table_sync(v, s, false) >= FLOOD_PAYS;
	}
	count(v->counters, mmu_resync);
}

/*
 * Bring tables back in sync: all, or those with an upper level, whose entries a CPU may forget at
 * any INVLPG (SDM vol. 3A 4.10.4.1).
 */
void resync_all(struct mmu_vcpu *v, bool upper_only)
{
	struct mmu *m = v->mmu;

	/* Each takes itself off the list, and may drop others, so start over after each. */
	for (u32 i = 0; i < m->nr_unsync;) {
		u64 gfn = m->unsync[i];

		if (upper_only && !has_upper_level(m, gfn)) {
			i++;
			continue;
		}
		frame_resync(v, gfn);
		i = 0;
	}
	m->upper_unsync = false;
	shadow_reap(v);
}

void mmu_let_unsync(struct mmu_vcpu *v, u64 gpa)
{
	op_begin(v->mmu);
	frame_unsync(v, gpa >> PAGE_SHIFT);
	op_end(v);
}

bool mmu_unsynced(const struct mmu *m)
{
	return m->nr_unsync != 0;
}

/* Make the tables that are out of sync say what the guest's say now; they stay out of sync. */
void refresh_all(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;

	for (u32 i = 0; i < m->nr_unsync; i++) {
		u32 s = m->frames[m->unsync[i]].state & FRAME_TABLES;

		for (; s; s = m->shadows[s].next)
			table_sync(v, s, false);
	}
	m->relinked = false;
}

/* INVLPG exits in a row, none for a table out of sync, that are too many: then all are synced again. */
#define VAIN_INVLPG_MAX 8

/* Bring the entries on the way to one address up to date, where their tables are out of sync. */
bool resync_gva(struct mmu_vcpu *v, u64 gva)
{
	struct mmu *m = v->mmu;
	u32 index = v->root;
	int level = m->shadows[index].role.level;
	bool found = false;

	if (v->mode == PAGING_OFF || !m->nr_unsync)
		return false;
	if (v->mode < PAGING_4LEVEL)
		gva = (u32)gva;
	for (;; level--) {
		u32 i = spt_index(level, gva);
		struct shadow *s = &m->shadows[index];
		struct frame *f = frame_of(m, s->gfn);
		u64 spte;

		/* Synced tables need nothing; direct ones, as the PAE root is, mirror none. */
		if (!s->role.direct && f && (f->state & FRAME_UNSYNC)) {
			entry_sync(v, index, i, false);
			found = true;
		}
		spte = table_of(m, index)[i];
		if (!spte_is_link(level, spte))
			break;
		index = spte_child(m, spte);
	}
	shadow_reap(v);
	return found;
}

void mmu_invlpg(struct mmu_vcpu *v, u64 gva)
{
	struct mmu *m = v->mmu;

	count(v->counters, invlpg);
	op_begin(m);
	need_flush_gva(v, gva);
	resync_all(v, true);
	if (resync_gva(v, gva))
		m->vain_invlpg = 0;
	else if (++m->vain_invlpg >= VAIN_INVLPG_MAX)
		resync_all(v, false);
	op_end(v);
}
