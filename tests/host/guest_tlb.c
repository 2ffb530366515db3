/* SPDX-License-Identifier: MIT */
/* Every walk that a bare processor's caches allow; see guest_tlb.h. */
#include "tests/host/guest_tlb.h"
#include "tests/host/sim_mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOREVER ~0ULL
#define FLAG_A  32

static struct gt_cell *find(struct guest_tlb *t, u64 gpa)
{
	u32 i = (gpa >> 3) * 2654435761u % GT_CELLS;

	while (t->cell[i].gpa && t->cell[i].gpa != gpa + 1)
		i = (i + 1) % GT_CELLS;
	return &t->cell[i];
}

void gt_flush_all(struct guest_tlb *t)
{
	for (u32 i = 0; i < t->nr_cells; i++)
		t->cell[t->used[i]].gpa = 0;
	t->nr_cells = 0;
	t->nr_events = 0;
	t->flushed = ++t->now;
}

bool gt_full(const struct guest_tlb *t)
{
	if (t->nr_cells > GT_CELLS / 4 || t->nr_events > GT_EVENTS / 2)
		return true;
	for (u32 i = 0; i < t->nr_cells; i++)
		if (t->cell[t->used[i]].nr > GT_VERSIONS / 2)
			return true;
	return false;
}

static void event(struct guest_tlb *t, u64 gva, bool all_upper)
{
	/* Without the oldest, a little more is allowed. */
	if (t->nr_events == GT_EVENTS) {
		t->nr_events /= 2;
		memmove(t->event, t->event + t->nr_events, t->nr_events * sizeof(*t->event));
	}
	t->event[t->nr_events++] = (struct gt_event){++t->now, gva, all_upper};
}

void gt_invlpg(struct guest_tlb *t, u64 gva)
{
	event(t, gva, true);
}

void gt_fault(struct guest_tlb *t, u64 gva)
{
	event(t, gva, false);
}

void gt_changed(struct guest_tlb *t, u64 gpa, u64 old, u64 now)
{
	struct gt_cell *c = find(t, gpa);

	t->now++;
	if (!c->gpa) {
		if (t->nr_cells == ARRAY_SIZE(t->used))
			abort();
		t->used[t->nr_cells++] = c - t->cell;
		c->gpa = gpa + 1;
		c->nr = 1;
		c->version[0].since = t->flushed;
		c->version[0].value = old;
	}
	if (c->nr == GT_VERSIONS) {
		fprintf(stderr, "more changes of one entry without a flush than are remembered\n");
		abort();
	}
	c->version[c->nr].since = t->now;
	c->version[c->nr++].value = now;
}

/* One complete walk, for judgement. */
struct walk {
	enum ref_kind kind;
	struct ref_path leaf;
	int nr;
	struct {
		u64 gpa;
		bool fresh, accessed;
	} entry[5];
};

struct search {
	struct guest_tlb *t;
	const struct ref_cpu *cpu;
	u64 gva;
	u64 begin, end; /* the epoch: no flush of upper levels inside; end FOREVER: it lasts */
	bool (*judge)(void *ctx, const struct walk *w);
	void *ctx;
	struct walk walk;
};

/* True when an INVLPG after the epoch drops a translation by a large page that holds gva. */
static bool dropped_later(const struct search *s, u64 size)
{
	for (u32 i = 0; i < s->t->nr_events; i++) {
		const struct gt_event *e = &s->t->event[i];

		if (e->time >= s->end && e->all_upper && (e->gva ^ s->gva) < size)
			return true;
	}
	return false;
}

static bool judge(struct search *s)
{
	struct walk *w = &s->walk;
	bool fault = w->kind != REF_LEAF;

	/* A fault is never cached: its last entry has been read just now. */
	if (fault && (s->end != FOREVER || (w->nr && !w->entry[w->nr - 1].fresh)))
		return false;
	for (int i = 0; i < w->nr; i++)
		if (!w->entry[i].fresh && !w->entry[i].accessed)
			return false;
	if (!fault && s->end != FOREVER && dropped_later(s, w->leaf.size))
		return false;
	return s->judge(s->ctx, w);
}

static bool descend(struct search *s, const struct ref_path *path, u64 time)
{
	u64 gpa = ref_entry_addr(s->cpu, path, s->gva);
	u32 size = ref_entry_size(s->cpu), nr = 1;
	struct gt_cell *c = find(s->t, gpa & ~7ULL);
	int at = s->walk.nr;

	if (c->gpa)
		nr = c->nr;
	for (u32 i = nr; i-- > 0;) {
		u64 since = c->gpa ? c->version[i].since : s->t->flushed;
		u64 until = i + 1 < nr ? c->version[i + 1].since : FOREVER;
		u64 value = c->gpa ? c->version[i].value : sim_read(gpa & ~7ULL, 8);
		u64 when = since > time ? since : time;
		struct ref_path next = *path;
		enum ref_kind kind;

		if (when >= until || when >= s->end)
			continue;
		if (size == 4)
			value = (u32)(value >> (gpa & 4) * 8);
		/* What a table outside RAM says is the machine's affair: here, that it is no table. */
		kind = sim_is_ram(gpa) ? ref_next(s->cpu, &next, s->gva, value) : REF_RESERVED;
		s->walk.entry[at].gpa = gpa;
		s->walk.entry[at].fresh = until == FOREVER && s->end == FOREVER;
		s->walk.entry[at].accessed = value & FLAG_A;
		s->walk.nr = at + 1;
		if (kind == REF_TABLE) {
			if (descend(s, &next, when))
				return true;
			continue;
		}
		s->walk.kind = kind;
		s->walk.leaf = next;
		if (judge(s))
			return true;
	}
	s->walk.nr = at;
	return false;
}

static bool search_epoch(struct search *s, u64 begin, u64 end)
{
	struct ref_path path;
	enum ref_kind kind = ref_start(s->cpu, s->gva, &path);

	s->begin = begin;
	s->end = end;
	s->walk.nr = 0;
	if (kind == REF_TABLE)
		return descend(s, &path, begin);
	if (end != FOREVER)
		return false;
	s->walk.kind = kind;
	s->walk.leaf = path;
	return s->judge(s->ctx, &s->walk);
}

/*
 * A translation in the TLB was made in one go since the last flush of its page, from entries that
 * were in memory then or in paging-structure caches then: so from one epoch between INVLPGs.
 */
static bool search(struct guest_tlb *t, const struct ref_cpu *cpu, u64 gva, bool present_only,
		   bool (*fn)(void *, const struct walk *), void *ctx)
{
	struct search s = {.t = t, .cpu = cpu, .gva = gva, .judge = fn, .ctx = ctx};
	u64 end = FOREVER;
	u32 i = t->nr_events;

	for (;;) {
		while (i > 0 && !t->event[i - 1].all_upper && (t->event[i - 1].gva ^ gva) >> 12)
			i--;
		if (search_epoch(&s, i ? t->event[i - 1].time : t->flushed, end))
			return true;
		if (!i || present_only)
			return false;
		end = t->event[--i].time;
		if ((t->event[i].gva ^ gva) >> 12 == 0)
			return false;
	}
}

struct question {
	const struct ref_cpu *cpu;
	const struct ref_access *a;
	gt_match_fn match;
	void *ctx;
	u32 pfec;
	u64 gpa;
	bool dirty;
};

static bool reaches(void *ctx, const struct walk *w)
{
	struct question *q = ctx;
	u32 pfec;

	if (w->kind != REF_LEAF || !ref_permits(q->cpu, q->a, &w->leaf, &pfec))
		return false;
	for (int i = 0; i < w->nr; i++)
		if (!w->entry[i].accessed)
			return false;
	if (q->a->write && w->nr && !w->leaf.dirty)
		return false;
	return q->match(q->ctx, w->leaf.addr, w->leaf.memtype);
}

bool gt_allows(struct guest_tlb *t, const struct ref_cpu *cpu, const struct ref_access *a,
	       gt_match_fn match, void *ctx)
{
	struct question q = {.cpu = cpu, .a = a, .match = match, .ctx = ctx};

	return search(t, cpu, a->gva, false, reaches, &q);
}

static bool faults(void *ctx, const struct walk *w)
{
	struct question *q = ctx;
	u32 pfec;

	if (w->kind != REF_LEAF)
		return ref_walk_pfec(q->cpu, q->a, w->kind) == q->pfec;
	return !ref_permits(q->cpu, q->a, &w->leaf, &pfec) && pfec == q->pfec;
}

bool gt_allows_fault(struct guest_tlb *t, const struct ref_cpu *cpu, const struct ref_access *a,
		     u32 pfec)
{
	struct question q = {.cpu = cpu, .a = a, .pfec = pfec};

	return search(t, cpu, a->gva, false, faults, &q);
}

static bool sets(void *ctx, const struct walk *w)
{
	struct question *q = ctx;
	bool ok = w->kind == REF_LEAF;
	u32 pfec;

	if (ok)
		ok = ref_permits(q->cpu, q->a, &w->leaf, &pfec);
	for (int i = 0; i < w->nr; i++) {
		bool last = i == w->nr - 1;

		if (w->entry[i].gpa != q->gpa || !w->entry[i].fresh || (last && !ok))
			continue;
		if (!q->dirty || (last && q->a->write))
			return true;
	}
	return false;
}

bool gt_may_set(struct guest_tlb *t, const struct ref_cpu *cpu, const struct ref_access *a, u64 gpa,
		bool dirty)
{
	struct question q = {.cpu = cpu, .a = a, .gpa = gpa, .dirty = dirty};

	return search(t, cpu, a->gva, true, sets, &q);
}
