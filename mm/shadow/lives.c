/* SPDX-License-Identifier: MIT */
/* The lives of shadow tables: found by frame and role, made, dropped. */
#include "mm/shadow/lives.h"
#include "mm/shadow/mirror.h"

/*
 * by_guest: the guest has given the table up, and with it those below that nobody else reaches. Else
 * only room was wanted, and the children are still the guest's tables.
 */
void shadow_zap(struct mmu_vcpu *v, u32 index, bool by_guest)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	struct frame *f = s->role.direct ? NULL : frame_of(m, s->gfn);

	m->work += WORK_TABLE + s->present / TAKEN_PER_WORK;
	INVARIANT(11, !s->pins);
	forget_root(m, index);
	m->ways++;
	table_clear(m, index, by_guest);
	while (s->parents)
		entry_trap(m, s->parents);
	reach_forget(m, index);
	shadow_unlist(m, index);
	if (f && !(f->state & FRAME_TABLES)) {
		if (f->state & FRAME_UNSYNC)
			unsync_forget(m, s->gfn);
		else
			untrack(m, s->gfn);
	}
	lru_del(m, index);
	/* No level: the audit takes it for a free one. */
	s->role.word = 0;
	s->next = m->free;
	m->free = index;
	m->nr_free++;
	/* The hardware may still hold a pointer to the table. */
	need_flush(m);
	count(v->counters, mmu_shadow_zapped);
}

/* Drop the shadows of a frame that nobody can reach: most likely it was freed, and is data by now. */
void shadow_zap_unused(struct mmu_vcpu *v, u64 gfn)
{
	struct mmu *m = v->mmu;
	u32 next;

	for (u32 s = m->frames[gfn].state & FRAME_TABLES; s; s = next) {
		next = m->shadows[s].next;
		if (!shadow_in_use(m, s))
			shadow_zap(v, s, true);
	}
}

static u32 shadow_alloc(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;
	u32 index;

	INVARIANT(11, m->in_operation);
	if (!m->free) {
		bool orphan;

		index = recycle_victim(m);
		orphan = m->shadows[index].orphan;
		shadow_zap(v, index, orphan);
		if (!orphan)
			count(v->counters, mmu_recycled);
	}
	index = m->free;
	m->free = m->shadows[index].next;
	m->nr_free--;
	m->shadows[index] = (struct shadow){.stamp = m->clock};
	lru_add(m, index);
	return index;
}

static void fill(struct mmu_vcpu *v, u32 index)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];

	if (s->role.direct)
		direct_fill(v, index);
	else if (!frame_of(m, s->gfn))
		table_trap(m, index, false);
	else
		table_fill(v, index);
}

/*
 * One more shadow of a frame, or direct table in a bucket, is to be made. When there are too many, those
 * that were made first go, but for those in use by an operation.
 */
static void bound_list(struct mmu_vcpu *v, u64 gfn, union role role)
{
	struct mmu *m = v->mmu;
	u32 most = role.direct ? m->bounds->bucket : m->bounds->frame_shadows, n;
	u32 last = shadow_oldest(m, gfn, role, &n);

	if (n >= most && last)
		shadow_zap(v, last, m->shadows[last].orphan);
}

/* A table is wanted back. What lags behind in it is brought up to date first, protected as always. */
static void revive(struct mmu_vcpu *v, u32 index)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	u32 before, changed;

	frame_reopen(v, s->gfn);
	if (s->role.level > 1 && (m->frames[s->gfn].state & FRAME_UNSYNC))
		m->upper_unsync = true;
	s->stale = false;
	before = m->work;
	changed = table_sync(v, index, NULL);
	if (s->flood_shut) {
		flood_ended(m, s, flood_pays(changed, m->work - before));
		return;
	}
	/* Shut for want of time: whether a flood was vain is not known, but it is over, for the table is used. */
	s->flood_bar = 0;
	s->writes = 0;
	s->asked = 0;
}

/* The one that is there, right to be linked; or 0. */
static u32 shadow_at_hand(struct mmu_vcpu *v, u64 gfn, union role role)
{
	struct mmu *m = v->mmu;
	u32 index = shadow_find(m, gfn, role);

	if (!index)
		return 0;
	if (m->shadows[index].orphan)
		shadow_used(m, index);
	shadow_touch(m, index);
	if (unlikely(m->shadows[index].stale))
		revive(v, index);
	return index;
}

/* f: the frame that it is made a table of, or NULL. */
static u32 shadow_make(struct mmu_vcpu *v, struct frame *f, u64 gfn, union role role)
{
	struct mmu *m = v->mmu;
	u32 index = shadow_alloc(v);
	struct shadow *s = &m->shadows[index];

	s->gfn = gfn;
	s->role = role;
	s->judged = judged(m, role, 0);
	/* What it will be used for is what the others are. */
	s->flood_paid = role.level == 1 && m->floods_pay;
	if (f && f->state) {
		frame_reopen(v, gfn);
		if (role.level > 1 && (f->state & FRAME_UNSYNC))
			m->upper_unsync = true;
	}
	/* Protect before the first entry is read, so that no write is missed. */
	if (f && !(f->state & FRAME_TABLES))
		track(v, gfn);
	shadow_list(m, index);
	fill(v, index);
	count(v->counters, mmu_shadow_new);
	return index;
}

u32 shadow_get(struct mmu_vcpu *v, u64 gfn, union role role)
{
	struct frame *f = role.direct ? NULL : frame_of(v->mmu, gfn);
	u32 index;

	if (!f && !role.direct)
		gfn = NO_GFN;
	/* Of most frames that are asked for nobody has made a table yet. */
	if (!f || f->state) {
		index = shadow_at_hand(v, gfn, role);
		if (index)
			return index;
		bound_list(v, gfn, role);
	}
	return shadow_make(v, f, gfn, role);
}

u32 shadow_pae_root(struct mmu_vcpu *v)
{
	u32 index = shadow_alloc(v);
	struct shadow *s = &v->mmu->shadows[index];

	s->gfn = NO_GFN;
	s->role = (union role){.level = 3, .format = GPTE_PAE, .direct = 1};
	s->pins = 1;
	return index;
}

void shadow_init(struct mmu *m)
{
	for (u32 i = m->nr_shadows - 1; i > 0; i--) {
		m->shadows[i].next = m->free;
		m->free = i;
		m->nr_free++;
	}
}
