/* SPDX-License-Identifier: MIT */
/*
 * The audit of invariant 14: tables in use, orphans, free ones; parents; pins and what is reached. And how
 * findings are told.
 */
#include "mm/shadow/audit.h"
#include "mm/shadow/settle.h"

void audit_tell(struct audit *a, slot_t slot, const char *what)
{
	const struct mmu *m = a->v->mmu;
	const struct shadow *s = shadow_at(m, slot);

	/* The first few tell the story. */
	if (a->violations++ < 8)
		fail("audit: %s: table %u (frame %lx, role %x, level %d) entry %u = %016lx", what,
		     slot_table(slot), s->gfn, s->role.word, s->role.level, slot_entry(slot),
		     *spte_at(m, slot));
}

bool audit_list(const struct mmu *m, slot_t head)
{
	u32 length = list_length(m, head), n = 0;

	for (slot_t at = head, prev = 0; at; prev = at, at = m->links[at].next, n++) {
		if (n == length || m->links[at].prev != (prev ? prev : LIST_FIRST | length))
			return false;
	}
	return n == length;
}

/* One of the two lists of live tables; returns their number. */
static u32 check_list(struct audit *a, const struct shadow_list *list, bool orphans)
{
	const struct mmu *m = a->v->mmu;
	u32 prev = 0, nr = 0;

	/* A loop would come back to a table whose list_prev is another. */
	for (u32 i = list->first; i; prev = i, i = m->shadows[i].list_next, nr++) {
		const struct shadow *s = &m->shadows[i];

		if (audit_if(a, i >= m->nr_shadows || s->list_prev != prev, slot_make(prev, 0),
			     "the list of tables is broken behind this one"))
			return nr;
		audit_if(a, !s->role.level, slot_make(i, 0), "a table in use is a free one");
		audit_if(a, s->orphan != orphans, slot_make(i, 0), "a table is in the wrong list");
		audit_if(a, orphans && (shadow_in_use(m, i) || s->role.direct), slot_make(i, 0),
			 "an orphan is in use");
	}
	audit_if(a, list->last != prev, slot_make(prev, 0),
		 "the list of tables does not end with its last");
	return nr;
}

static void check_free(struct audit *a)
{
	const struct mmu *m = a->v->mmu;
	u32 nr = 0;

	for (u32 i = m->free; i && nr <= m->nr_free; i = m->shadows[i].next, nr++) {
		if (audit_if(a, i >= m->nr_shadows || m->shadows[i].role.level, 0,
			     "a table in use is in the list of free ones"))
			return;
		/* Those that are taken next. */
		for (u32 k = 0; nr < 4 && k < SPT_ENTRIES; k++) {
			audit_if(a, table_of(m, i)[k], slot_make(i, k),
				 "a free table is not empty");
		}
	}
	audit_if(a, nr != m->nr_free, 0, "the number of free tables is wrong");
}

static void check_unsync(struct audit *a)
{
	const struct mmu *m = a->v->mmu;

	for (u32 i = 0; i < m->nr_unsync; i++) {
		const struct frame *f = frame_of(m, m->unsync[i].gfn);

		if (audit_if(a, !f || !(f->state & FRAME_UNSYNC) || !(f->state & FRAME_TABLES), 0,
			     "a frame in the list of those out of sync is not"))
			continue;
		for (u32 k = 0; k < i; k++) {
			audit_if(a, m->unsync[k].gfn == m->unsync[i].gfn,
				 slot_make(f->state & FRAME_TABLES, 0),
				 "a frame is twice in the list of those out of sync");
		}
		for (u32 s = f->state & FRAME_TABLES; s; s = m->shadows[s].next) {
			audit_if(a, m->shadows[s].role.level > 1 && !m->upper_unsync,
				 slot_make(s, 0), "an upper table is out of sync, unknown to all");
		}
	}
}

/* Those that have to tell their parents of what they reach: each is a table in use, and says that it waits. */
static void check_reach_queue(struct audit *a, enum reach_kind kind)
{
	const struct mmu *m = a->v->mmu;
	u32 prev = 0;

	/* A loop would come back to a table whose prev is another. */
	for (u32 i = m->reach_queue[kind]; i; prev = i, i = m->shadows[i].reach[kind].next) {
		const struct shadow *s = &m->shadows[i];

		if (audit_if(a,
			     !s->role.level || !s->reach[kind].queued ||
				     s->reach[kind].prev != prev,
			     slot_make(i, 0), "the queue of those that have to tell is broken"))
			return;
		a->queued++;
	}
}

/* Invariant 22. */
static void check_recent(struct audit *a, const struct mmu_vcpu *v, bool filter_user)
{
	const struct mmu *m = v->mmu;

	for (u32 i = 0; i < MMU_RECENT; i++) {
		const struct mmu_recent *r = &v->recent[filter_user][i];
		u64 gfn = (r->cr3 & ~v->cr3_ignored) / PAGE_SIZE;
		const struct shadow *s = &m->shadows[r->root];

		if (!r->cr3)
			continue;
		if (audit_if(a,
			     gfn % MMU_RECENT != i ||
				     shadow_find(m, gfn, (union role){.word = v->cr3_role}) !=
					     r->root,
			     slot_make(r->root, 0),
			     "a recent root is not that of its CR3 (invariant 22)"))
			continue;
		audit_if(a, !v->cr3_role || r->hpa != table_hpa(m, r->root) || r->pins != &s->pins,
			 slot_make(r->root, 0), "a recent root is another (invariant 22)");
		audit_if(
			a,
			!m->recents || !s->recent || s->stale ||
				(m->bypass && s->reach[REACH_SOFT].nr) ||
				(filter_user && (!v->filter.user || s->reach[REACH_NARROWED].nr)) ||
				has_work(v) || v->hw.filter_present != m->bypass,
			slot_make(r->root, 0),
			"a recent root may not be loaded as it is (invariant 22)");
	}
}

static void check_vcpu(struct audit *a, const struct mmu_vcpu *v)
{
	const struct mmu *m = v->mmu;

	check_recent(a, v, false);
	check_recent(a, v, true);
	audit_if(a, v->recent_now != v->recent[v->hw.filter_user], 0,
		 "recent roots are those of another filter (invariant 22)");
	audit_if(a, v->pins != &m->shadows[v->root].pins, slot_make(v->root, 0),
		 "the root's pins are another's");
}

void audit_lists(struct audit *a)
{
	const struct mmu *m = a->v->mmu;
	u32 live = check_list(a, &m->lru, false) + check_list(a, &m->orphans, true);

	audit_if(a, live + m->nr_free + 1 != m->nr_shadows, 0, "shadow tables were lost");
	check_free(a);
	check_unsync(a);
	for (u32 kind = 0; kind < NR_REACH; kind++)
		check_reach_queue(a, kind);
	for (u32 k = 0; k < m->nr_vcpus; k++)
		check_vcpu(a, m->vcpu[k]);
	audit_if(a, m->relinked, 0, "tables that came into reach were not brought up to date");
	for (u32 i = m->blank; i; i = m->shadows[i].next) {
		audit_if(a, m->shadows[i].role.direct || m->shadows[i].gfn != NO_GFN,
			 slot_make(i, 0), "a table is in the list of those of no RAM");
	}
}

/* Every parent of a table is a link to it. */
static void check_parents(struct audit *a, u32 index)
{
	const struct mmu *m = a->v->mmu;
	slot_t first = m->shadows[index].parents;

	if (audit_if(a, !audit_list(m, first) || list_length(m, first) > most_parents(m, index),
		     slot_make(index, 0), "a list of parents is broken, or too long"))
		return;
	for (slot_t at = first; at; at = m->links[at].next) {
		u64 spte = *spte_at(m, at);

		a->parents++;
		audit_if(a,
			 !spte_is_present(spte, m->trap_bits) ||
				 !spte_is_link(shadow_at(m, at)->role.level, spte) ||
				 spte_child(m, spte) != index,
			 at, "a parent does not link to its child");
	}
}

static u32 count_pins(const struct mmu *m, u32 index)
{
	u32 pins = 0;

	for (u32 k = 0; k < m->nr_vcpus; k++) {
		const struct mmu_vcpu *v = m->vcpu[k];

		pins += v->root == index;
		pins += v->pae_root == index;
		for (u32 i = 0; i < 4; i++) {
			u64 spte = table_of(m, v->pae_root)[i];

			pins += spte && spte_child(m, spte) == index;
		}
	}
	return pins;
}

static u32 count_reach(const struct mmu *m, u32 index, enum reach_kind kind)
{
	int level = m->shadows[index].role.level;
	u32 nr = 0;

	for (u32 i = 0; i < SPT_ENTRIES; i++) {
		u64 spte = table_of(m, index)[i];
		bool own = kind == REACH_SOFT ? spte_is_soft(spte) : spte & SPTE_NARROWED;

		if (!spte)
			continue;
		nr += own;
		if (spte_is_present(spte, m->trap_bits) && spte_is_link(level, spte))
			nr += m->shadows[spte_child(m, spte)].reach[kind].told;
	}
	return nr;
}

/* What a table says it reaches, and has told its parents. Of a soft trap nothing is counted where there are none. */
static void check_reach(struct audit *a, u32 index)
{
	const struct mmu *m = a->v->mmu;

	for (u32 kind = 0; kind < NR_REACH; kind++) {
		const struct reach *r = &m->shadows[index].reach[kind];

		a->waiting += r->queued;
		if (kind == REACH_SOFT && !m->soft_traps)
			continue;
		audit_if(a, r->nr != count_reach(m, index, kind), slot_make(index, 0),
			 kind == REACH_SOFT ? "the number of soft traps is wrong"
					    : "the number of narrowed entries is wrong");
		audit_if(a, r->told != !!r->nr && !r->queued, slot_make(index, 0),
			 "parents were not told of what is reached, and will not be");
	}
}

/* A direct level-1 table is one of those that its region knows. */
static bool region_knows(const struct mmu *m, u32 index)
{
	const struct region *r = region_of(m, m->shadows[index].gfn);
	u32 i = r ? r->direct : index;

	while (i && i != index)
		i = m->shadows[i].region_next;
	return i == index;
}

/* A live table's parents, pins, and what it reaches. */
void audit_counts(struct audit *a, u32 index)
{
	const struct mmu *m = a->v->mmu;
	const struct shadow *s = &m->shadows[index];

	check_parents(a, index);
	audit_if(a, s->pins != count_pins(m, index), slot_make(index, 0),
		 "a table is pinned more or less often than it is used");
	check_reach(a, index);
	audit_if(a, s->role.direct && s->role.level == 1 && !region_knows(m, index),
		 slot_make(index, 0), "a direct table is not in its region's list");
}
