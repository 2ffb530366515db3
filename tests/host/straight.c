/* SPDX-License-Identifier: MIT */
/* The straight ways against the general ones: see straight.h. */
#include "tests/host/straight.h"
#include "mm/shadow/settle.h"
#include "tests/host/sim_mem.h"
#include <string.h>

#define LEVELS 5

/*
 * Everything that the MMU keeps, the guest's tables on the way to the address, and the entry that is written.
 * Copies are whole, padding too.
 */
struct state {
	u8 pool[SIM_HIDDEN_END - SIM_POOL];
	u8 v[sizeof(struct mmu_vcpu)];
	struct counters counters;
	u8 tables[LEVELS][PAGE_SIZE];
	u64 entry;
};

/* What of guest memory is part of it. */
struct places {
	u64 table[LEVELS];
	u32 nr;
	u64 entry; /* 0: none */
};

static struct state before, general, lane;

static void save(struct sim *s, struct state *to, const struct places *p)
{
	memcpy(to->pool, phys_ptr(SIM_POOL), s->config.pool_size);
	memcpy(to->v, &s->v, sizeof(to->v));
	to->counters = s->counters;
	for (u32 i = 0; i < p->nr; i++)
		memcpy(to->tables[i], phys_ptr(p->table[i]), PAGE_SIZE);
	if (p->entry)
		memcpy(&to->entry, phys_ptr(p->entry), sizeof(to->entry));
}

static void restore(struct sim *s, const struct state *from, const struct places *p)
{
	memcpy(phys_ptr(SIM_POOL), from->pool, s->config.pool_size);
	memcpy(&s->v, from->v, sizeof(from->v));
	s->counters = from->counters;
	for (u32 i = 0; i < p->nr; i++)
		memcpy(phys_ptr(p->table[i]), from->tables[i], PAGE_SIZE);
	if (p->entry)
		memcpy(phys_ptr(p->entry), &from->entry, sizeof(from->entry));
}

/* What differs, or NULL. */
static const char *difference(struct sim *s, const struct state *x, const struct state *y,
			      const struct places *p)
{
	if (memcmp(x->pool, y->pool, s->config.pool_size))
		return "tables or lists";
	if (memcmp(x->v, y->v, offsetof(struct mmu_vcpu, memo)))
		return "registers";
	if (memcmp(&x->counters, &y->counters, sizeof(x->counters)))
		return "counters";
	if (memcmp(x->tables, y->tables, p->nr * PAGE_SIZE) || (p->entry && x->entry != y->entry))
		return "guest memory";
	return NULL;
}

/* The tables of four levels or five, as far as there are some. */
static void find_tables(struct sim *s, u64 gva, struct places *p)
{
	u64 table = s->v.regs.cr3 & PTE_ADDR;

	*p = (struct places){0};
	if (s->v.mode < PAGING_4LEVEL)
		return;
	for (int level = s->v.mode == PAGING_5LEVEL ? 5 : 4; level > 0 && sim_is_ram(table);
	     level--) {
		u64 gpte;

		p->table[p->nr++] = table;
		memcpy(&gpte, phys_ptr(table + gpte_index(GPTE_64, level, gva) * 8), sizeof(gpte));
		if (!(gpte & PTE_P) || (gpte & PTE_PS))
			return;
		table = gpte & PTE_ADDR;
	}
}

static void compare(struct sim *s, const struct ref_access *a, const struct places *p)
{
	const char *what = difference(s, &general, &lane, p);

	if (what)
		sim_fail(s,
			 "the straight way of a fault at %llx leaves other %s than the general one",
			 (unsigned long long)a->gva, what);
}

/* A write to a table: nothing is done so far. */
static void check_write(struct sim *s, const struct ref_access *a, const void *data, u32 size,
			struct mmu_fault *f, const struct mmu_straight *w, struct places *p)
{
	u64 first;

	/* A table on the way may be the one that is written, and is saved by then. */
	p->entry = w->gpa & ~7ULL;
	save(s, &before, p);
	if (mmu_fault(&s->v, f) != MMU_TABLE_WRITE || f->gpa != w->gpa)
		sim_fail(s, "%llx is no write to a table, but goes the straight way",
			 (unsigned long long)a->gva);
	memcpy(&first, phys_ptr(p->entry), sizeof(first));
	if (first != before.entry)
		sim_fail(s, "a fault of a write to a table changed it");
	mmu_write(&s->v, f->gpa, data, size);
	save(s, &general, p);
	restore(s, &before, p);
	guest_store(w->gpa, data, size);
	mmu_written_straight(&s->v, w);
	save(s, &lane, p);
	compare(s, a, p);
	restore(s, &before, p);
}

/* A fault that is all done. */
static void check_done(struct sim *s, const struct ref_access *a, struct mmu_fault *f,
		       enum mmu_straight_way way, const struct mmu_straight *w,
		       const struct places *p)
{
	enum mmu_verdict verdict;

	save(s, &lane, p);
	restore(s, &before, p);
	verdict = mmu_fault(&s->v, f);
	if (verdict != (way == MMU_STRAIGHT_OWN ? MMU_GUEST_FAULT : MMU_RETRY) ||
	    (way == MMU_STRAIGHT_OWN && f->guest_pfec != w->pfec))
		sim_fail(s,
			 "a fault at %llx goes straight way %d with %x, and is verdict %d with %x",
			 (unsigned long long)a->gva, way, w->pfec, verdict, f->guest_pfec);
	save(s, &general, p);
	compare(s, a, p);
	restore(s, &before, p);
}

enum mmu_straight_way straight_fault(struct sim *s, const struct ref_access *a, const void *data,
				     u32 size, u32 *pfec)
{
	struct mmu_fault f = {
		.gva = a->gva, .pfec = *pfec, .ac = a->ac, .pkru = a->pkru, .data = !a->fetch};
	u64 code = one_in(s->r, 4) ? 0 : one_in(s->r, 4) ? a->gva : s->last_read, hpa;
	enum mmu_straight_way way;
	struct mmu_straight w = {0};
	struct places p;

	/* A device's write would come once in the one way, and once more in the other. */
	if (s->device.looks || !(s->straight_each || one_in(s->r, 8)))
		return MMU_NOT_STRAIGHT;
	s->calm = true;
	find_tables(s, a->gva, &p);
	save(s, &before, &p);
	way = mmu_fault_straight(&s->v, a->gva, *pfec, code, &w);
	if (way == MMU_NOT_STRAIGHT || way == MMU_STRAIGHT_WRITE) {
		save(s, &lane, &p);
		if (difference(s, &before, &lane, &p))
			sim_fail(s, "a fault at %llx is not straight, and yet changes something",
				 (unsigned long long)a->gva);
	}
	if (way == MMU_STRAIGHT_WRITE && (!mmu_peek_code(&s->v, code, &hpa) || hpa != w.code))
		sim_fail(s, "the code at %llx is not at %llx", (unsigned long long)code,
			 (unsigned long long)w.code);
	if (way == MMU_STRAIGHT_WRITE && (s->unknown_insn || (a->gva & 7) + size > 8))
		way = MMU_NOT_STRAIGHT;
	if (way == MMU_STRAIGHT_WRITE)
		check_write(s, a, data, size, &f, &w, &p);
	else if (way != MMU_NOT_STRAIGHT)
		check_done(s, a, &f, way, &w, &p);
	s->calm = false;
	/* Once more, for the judge: who knows what the guest's memory is to be. Or the general way, as often. */
	if (way == MMU_NOT_STRAIGHT || one_in(s->r, 2))
		return MMU_NOT_STRAIGHT;
	s->stats.straight[way]++;
	sim_trace(s, "    straight way %d", way);
	if (way == MMU_STRAIGHT_WRITE) {
		sim_store(s, w.gpa, data, size);
		mmu_written_straight(&s->v, &w);
	} else {
		mmu_fault_straight(&s->v, a->gva, *pfec, code, &w);
		*pfec = way == MMU_STRAIGHT_OWN ? w.pfec : *pfec;
	}
	return way;
}

/* What goes by the number of operations, which roots are recent ones, and what is due anyway. */
static void leave_out(const struct sim *s, struct state *state)
{
	u8 *pool = phys_ptr(SIM_POOL);
	struct mmu *m = (struct mmu *)(state->pool + ((u8 *)s->mmu - pool));
	struct shadow *shadows = (struct shadow *)(state->pool + ((u8 *)s->mmu->shadows - pool));
	struct mmu_vcpu v;

	m->clock = 0;
	m->operations = 0;
	m->lru = (struct shadow_list){0};
	m->work = 0;
	m->recents = false;
	for (u32 i = 0; i < m->nr_shadows; i++) {
		shadows[i].stamp = shadows[i].moved = 0;
		shadows[i].list_next = shadows[i].list_prev = 0;
		shadows[i].recent = false;
	}
	m->stale_ways = false;
	memcpy(&v, state->v, sizeof(v));
	memset(v.recent, 0, sizeof(v.recent));
	v.hw.due = v.hw.reload_root = false;
	v.hw.flush = MMU_FLUSH_ALL;
	memcpy(state->v, &v, sizeof(v));
}

/* No memory of the guest's is looked at. */
static const struct places none;

/* Few, where there is much to compare. */
static bool is_compared(const struct sim *s)
{
	return one_in(s->r, s->config.pool_size > MIB(1) ? 64 : 4);
}

/* It was not straight: nothing may have been done. */
static void check_unchanged(struct sim *s, const char *what, u64 value)
{
	save(s, &lane, &none);
	if (difference(s, &before, &lane, &none))
		sim_fail(s, "no straight way for %s %llx, but something changed", what,
			 (unsigned long long)value);
}

bool straight_cr3(struct sim *s, u64 value, u64 cr3)
{
	bool compared = is_compared(s);

	if (s->v.nr_lent)
		return false;
	s->calm = true;
	if (compared)
		save(s, &before, &none);
	if (!mmu_switch_cr3(&s->v, value)) {
		if (compared)
			check_unchanged(s, "CR3 =", value);
		s->calm = false;
		return false;
	}
	s->stats.straight_cr3++;
	if (compared) {
		save(s, &lane, &none);
		restore(s, &before, &none);
		load_cr3(&s->v, cr3);
		save(s, &general, &none);
		leave_out(s, &lane);
		leave_out(s, &general);
		if (difference(s, &general, &lane, &none))
			sim_fail(
				s,
				"the straight way of CR3 = %llx leaves other %s than the general one",
				(unsigned long long)value, difference(s, &general, &lane, &none));
		restore(s, &before, &none);
		mmu_switch_cr3(&s->v, value);
	}
	/* The lane loads the root and forgets everything. What else is to change has to be due. */
	if (!s->v.hw.due && (s->v.hw.filter_present != s->last_hw.filter_present ||
			     s->v.hw.filter_user != s->last_hw.filter_user ||
			     s->v.hw.exit_invlpg != s->last_hw.exit_invlpg))
		sim_fail(s, "CR3 = %llx changes the filter, and it is not said to be due",
			 (unsigned long long)value);
	s->v.hw.flush = MMU_FLUSH_ALL;
	s->v.hw.due = true;
	s->v.hw.reload_root = true;
	s->calm = false;
	return true;
}

bool straight_invlpg(struct sim *s, u64 gva)
{
	bool compared = is_compared(s);

	s->calm = true;
	if (compared)
		save(s, &before, &none);
	if (!mmu_invlpg_straight(&s->v, gva)) {
		if (compared)
			check_unchanged(s, "INVLPG", gva);
		s->calm = false;
		return false;
	}
	s->stats.straight_invlpg++;
	if (!s->v.hw.due)
		need_flush_gva(&s->v, gva);
	if (compared) {
		save(s, &lane, &none);
		restore(s, &before, &none);
		mmu_invlpg(&s->v, gva);
		save(s, &general, &none);
		if (difference(s, &general, &lane, &none))
			sim_fail(
				s,
				"the straight way of INVLPG %llx leaves other %s than the general one",
				(unsigned long long)gva, difference(s, &general, &lane, &none));
	}
	s->calm = false;
	return true;
}
