/* SPDX-License-Identifier: MIT */
/*
 * Tables out of sync: the guest writes them freely, their shadows lag behind until a flush that the
 * guest owes anyway. Not-present entries become traps, since not present -> present owes no flush.
 *
 * When that flush comes, or a link makes such tables reachable in another way, all of them have to be
 * right at once. Each exit brings as many back in sync as it may (bounds.h) and shuts the others: they
 * lose every link and a TLB's memory of it, and each is brought up to date when shadow_get() revives it,
 * invariant 13.
 */
#include "mm/shadow/lives.h"

bool has_upper_level(const struct mmu *m, u64 gfn)
{
	for (u32 s = m->frames[gfn].state & FRAME_TABLES; s; s = m->shadows[s].next) {
		if (m->shadows[s].role.level > 1)
			return true;
	}
	return false;
}

/* Take every link to a table away, but the latest few. The table may be the guest's all the same. */
static void unlink_but(struct mmu *m, u32 index, u32 keep)
{
	slot_t slot = m->shadows[index].parents, next;

	m->work += list_length(m, slot) / TAKEN_PER_WORK;
	while (slot && keep--)
		slot = m->links[slot].next;
	for (; slot; slot = next) {
		next = m->links[slot].next;
		entry_trap(m, slot);
	}
}

/* Of its tables some are needed by this operation as they are, or cannot be cut off. */
static bool some_must_stay(const struct mmu *m, u64 gfn)
{
	for (u32 s = m->frames[gfn].state & FRAME_TABLES; s; s = m->shadows[s].next) {
		if (shadow_is_held(m, s) && !m->shadows[s].stale)
			return true;
	}
	return false;
}

static void table_shut(struct mmu *m, u32 index)
{
	if (m->shadows[index].stale)
		return;
	unlink_but(m, index, 0);
	forget_root(m, index);
	m->shadows[index].stale = true;
	need_flush(m);
}

/* Cut off the shadows of a frame. */
static void frame_shut(struct mmu *m, u64 gfn)
{
	struct frame *f = frame_of(m, gfn);

	if (f->state & FRAME_UNSYNC)
		unsync_forget(m, gfn);
	else
		untrack(m, gfn);
	f->state |= FRAME_UNSYNC | FRAME_SHUT;
	for (u32 s = f->state & FRAME_TABLES; s; s = m->shadows[s].next)
		table_shut(m, s);
}

void frame_unsync(struct mmu_vcpu *v, u64 gfn)
{
	struct mmu *m = v->mmu;
	struct frame *f = frame_of(m, gfn);
	struct unsync *u;

	/* The one that went first has most likely been written to its end. */
	if (frame_is_tracked(f) && m->nr_unsync == m->bounds->unsync)
		frame_resync(v, m->unsync[0].gfn);
	/* That may have dropped this frame's shadows. */
	if (!frame_is_tracked(f))
		return;
	if (has_upper_level(m, gfn))
		m->upper_unsync = true;
	untrack(m, gfn);
	f->state |= FRAME_UNSYNC;
	u = &m->unsync[m->nr_unsync++];
	u->gfn = gfn;
	for (u32 s = f->state & FRAME_TABLES; s; s = m->shadows[s].next) {
		table_lag(m, s, u->copy);
		m->shadows[s].synced = m->operations;
		if (!m->shadows[s].pins)
			unlink_but(m, s, m->bounds->unsync_parents);
	}
	count(v->counters, mmu_unsync);
}

void frame_let_go(struct mmu_vcpu *v, u64 gfn)
{
	struct mmu *m = v->mmu;

	/* A table that was made on the way here may have taken their room. */
	if (!frame_is_tracked(frame_of(m, gfn)))
		return;
	if (some_must_stay(m, gfn)) {
		frame_unsync(v, gfn);
		return;
	}
	frame_shut(m, gfn);
	count(v->counters, mmu_unsync);
}

/* Leaves that cost less to fill in again, should they stay, than it does to go out of sync and back. */
#define FEW_LEAVES 64

bool frame_unmapped(struct mmu_vcpu *v, u64 gpa)
{
	struct mmu *m = v->mmu;
	u64 gfn = gpa >> PAGE_SHIFT;
	u32 s = m->frames[gfn].state & FRAME_TABLES, i = gpa % PAGE_SIZE / sizeof(u64);

	if (!s || m->shadows[s].present > FEW_LEAVES || m->shadows[s].role.format == GPTE_32 ||
	    ((gpte_read(gfn, GPTE_64, i) | (i ? gpte_read(gfn, GPTE_64, i - 1) : 0)) & PTE_P) ||
	    some_must_stay(m, gfn) || has_upper_level(m, gfn))
		return false;
	while (frame_is_tracked(&m->frames[gfn]))
		shadow_zap(v, m->frames[gfn].state & FRAME_TABLES, false);
	return true;
}

/*
 * The frame of a table out of sync is protected again. Each shadow of it is brought up to date where
 * there is time, or the operation needs it; else it is shut, or emptied where that cannot be. Returns how
 * many entries map something else now.
 */
static u32 catch_up(struct mmu_vcpu *v, u32 index, const u64 *copy)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];

	if (s->stale)
		return 0;
	if (may_work(m) || (s->stamp == m->clock && s->synced != m->operations))
		return table_sync(v, index, copy);
	if (s->synced == m->operations)
		return 0;
	if (!s->pins) {
		table_shut(m, index);
		return 0;
	}
	m->work += WORK_TABLE + s->present / TAKEN_PER_WORK;
	table_trap(m, index, true);
	s->synced = m->operations;
	return 0;
}

void frame_resync(struct mmu_vcpu *v, u64 gfn)
{
	struct mmu *m = v->mmu;
	struct frame *f = frame_of(m, gfn);
	u32 changed = 0, before;
	const u64 *copy;
	bool paid;

	copy = unsync_forget(m, gfn);
	track(v, gfn);
	if (may_work(m))
		shadow_zap_unused(v, gfn);
	before = m->work;
	for (u32 s = f->state & FRAME_TABLES; s; s = m->shadows[s].next)
		changed += catch_up(v, s, copy);
	paid = flood_pays(changed, m->work - before);
	for (u32 s = f->state & FRAME_TABLES; s; s = m->shadows[s].next)
		flood_ended(m, &m->shadows[s], paid);
	count(v->counters, mmu_resync);
}

/* Back in sync, or out of reach where there is no time for it. */
static void resync_or_shut(struct mmu_vcpu *v, u64 gfn)
{
	if (may_work(v->mmu) || some_must_stay(v->mmu, gfn))
		frame_resync(v, gfn);
	else
		frame_shut(v->mmu, gfn);
}

/*
 * Bring tables back in sync: all, or those with an upper level, whose entries a CPU may forget at
 * any INVLPG (SDM vol. 3A 4.10.4.1).
 */
void resync_all(struct mmu_vcpu *v, bool upper_only)
{
	struct mmu *m = v->mmu;

	/* Each takes itself off the list, and may take others: the last ones come in their places. */
	for (u32 i = m->nr_unsync; i-- > 0;) {
		if (i < m->nr_unsync && (!upper_only || has_upper_level(m, m->unsync[i].gfn)))
			resync_or_shut(v, m->unsync[i].gfn);
	}
	m->upper_unsync = false;
}

/* Bring as many tables back in sync as one exit may. */
void resync_some(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;

	while (m->nr_unsync && may_work(m))
		frame_resync(v, m->unsync[m->nr_unsync - 1].gfn);
	if (!m->nr_unsync)
		m->upper_unsync = false;
}

/* False when there was not the time for all of its shadows. Some are right: the guest has not run since. */
static bool frame_refresh(struct mmu_vcpu *v, u64 gfn)
{
	struct mmu *m = v->mmu;

	for (u32 s = m->frames[gfn].state & FRAME_TABLES; s; s = m->shadows[s].next) {
		if (m->shadows[s].stale || m->shadows[s].synced == m->operations)
			continue;
		if (!may_work(m))
			return false;
		table_sync(v, s, NULL);
	}
	return true;
}

/*
 * Make the tables that are out of sync say what the guest's say now; they stay out of sync. Where there
 * is no time, none of them does: so the next fault finds less to do, and the guest gets on.
 */
void refresh_all(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;

	for (u32 i = m->nr_unsync; i-- > 0;) {
		if (i < m->nr_unsync && !frame_refresh(v, m->unsync[i].gfn))
			resync_or_shut(v, m->unsync[i].gfn);
	}
	m->relinked = false;
}

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
		slot_t slot = slot_make(index, spt_index(level, gva));
		u64 spte;

		if (table_is_unsync(m, index)) {
			if (entry_sync(v, slot))
				flood_followed(&m->shadows[index]);
			found = true;
		}
		spte = *spte_at(m, slot);
		if (!spte_is_link(level, spte))
			break;
		index = spte_child(m, spte);
	}
	return found;
}
