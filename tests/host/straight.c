/* SPDX-License-Identifier: MIT */
/* The straight ways against the general ones: see straight.h. */
#include "tests/host/straight.h"
#include "mm/shadow/settle.h"
#include "tests/host/sim_mem.h"
#include <string.h>

/* Everything that the MMU keeps, and the entry that is written. */
struct state {
	u8 pool[SIM_HIDDEN_END - SIM_POOL];
	struct mmu_vcpu v;
	struct counters counters;
	u64 entry;
};

static struct state before, general, lane;

static void save(struct sim *s, struct state *to, u64 gpa)
{
	memcpy(to->pool, phys_ptr(SIM_POOL), s->config.pool_size);
	to->v = s->v;
	to->counters = s->counters;
	memcpy(&to->entry, phys_ptr(gpa & ~7ULL), sizeof(to->entry));
}

static void restore(struct sim *s, const struct state *from, u64 gpa)
{
	memcpy(phys_ptr(SIM_POOL), from->pool, s->config.pool_size);
	s->v = from->v;
	s->counters = from->counters;
	memcpy(phys_ptr(gpa & ~7ULL), &from->entry, sizeof(from->entry));
}

static const char *difference(const struct sim *s)
{
	return memcmp(general.pool, lane.pool, s->config.pool_size) ? "tables or lists"
	       : memcmp(&general.v, &lane.v, sizeof(lane.v))        ? "registers"
	       : memcmp(&general.counters, &lane.counters, sizeof(lane.counters)) ? "counters"
	       : general.entry != lane.entry                                      ? "memory"
										  : NULL;
}

static void compare(struct sim *s, const struct ref_access *a)
{
	const char *what = difference(s);

	if (what)
		sim_fail(s,
			 "the straight way of a write to %llx leaves other %s than the general one",
			 (unsigned long long)a->gva, what);
}

bool straight_write(struct sim *s, const struct ref_access *a, const void *data, u32 size, u32 pfec)
{
	struct mmu_fault f = {
		.gva = a->gva, .pfec = pfec, .ac = a->ac, .pkru = a->pkru, .data = !a->fetch};
	u64 code = one_in(s->r, 2) ? a->gva : 0, first;
	struct mmu_straight w;

	/* A device's write would come once in the one way, and once more in the other. */
	if (s->unknown_insn || s->device.looks || (a->gva & 7) + size > 8 ||
	    !mmu_find_straight(&s->v, a->gva, pfec, code, &w))
		return false;
	s->calm = true;
	s->stats.straight++;
	save(s, &before, w.gpa);
	if (mmu_fault(&s->v, &f) != MMU_TABLE_WRITE || f.gpa != w.gpa)
		sim_fail(s, "%llx is no write to a table, but goes the straight way",
			 (unsigned long long)a->gva);
	memcpy(&first, phys_ptr(w.gpa & ~7ULL), sizeof(first));
	if (first != before.entry)
		sim_fail(s, "a fault of a write to a table changed it");
	mmu_write(&s->v, f.gpa, data, size);
	save(s, &general, w.gpa);
	restore(s, &before, w.gpa);
	guest_store(w.gpa, data, size);
	mmu_written_straight(&s->v, &w);
	save(s, &lane, w.gpa);
	compare(s, a);
	restore(s, &before, w.gpa);
	s->calm = false;
	/* Once more, for the judge: who knows what the guest's memory is to be. */
	sim_trace(s, "    table %llx: the straight way", (unsigned long long)w.gpa);
	sim_store(s, w.gpa, data, size);
	mmu_written_straight(&s->v, &w);
	return true;
}

/* What goes by the number of operations, which roots are recent ones, and what is due anyway. */
static void leave_out(const struct sim *s, struct state *state)
{
	u8 *pool = phys_ptr(SIM_POOL);
	struct mmu *m = (struct mmu *)(state->pool + ((u8 *)s->mmu - pool));
	struct shadow *shadows = (struct shadow *)(state->pool + ((u8 *)s->mmu->shadows - pool));

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
	memset(state->v.recent, 0, sizeof(state->v.recent));
	state->v.hw.due = state->v.hw.reload_root = false;
	state->v.hw.flush = MMU_FLUSH_ALL;
}

/* Few, where there is much to compare. */
static bool is_compared(const struct sim *s)
{
	return one_in(s->r, s->config.pool_size > MIB(1) ? 64 : 4);
}

bool straight_cr3(struct sim *s, u64 value, u64 cr3)
{
	bool compared = is_compared(s);

	if (s->v.nr_lent)
		return false;
	s->calm = true;
	if (compared)
		save(s, &before, 0);
	if (!mmu_switch_cr3(&s->v, value)) {
		if (compared) {
			save(s, &lane, 0);
			general = before;
			if (difference(s))
				sim_fail(s, "no straight way for CR3 = %llx, but something changed",
					 (unsigned long long)value);
		}
		s->calm = false;
		return false;
	}
	s->stats.straight_cr3++;
	if (compared) {
		save(s, &lane, 0);
		restore(s, &before, 0);
		load_cr3(&s->v, cr3);
		save(s, &general, 0);
		leave_out(s, &lane);
		leave_out(s, &general);
		if (difference(s))
			sim_fail(
				s,
				"the straight way of CR3 = %llx leaves other %s than the general one",
				(unsigned long long)value, difference(s));
		restore(s, &before, 0);
		mmu_switch_cr3(&s->v, value);
	}
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
		save(s, &before, 0);
	if (!mmu_invlpg_straight(&s->v, gva)) {
		if (compared) {
			save(s, &lane, 0);
			general = before;
			if (difference(s))
				sim_fail(s,
					 "no straight way for INVLPG %llx, but something changed",
					 (unsigned long long)gva);
		}
		s->calm = false;
		return false;
	}
	s->stats.straight_invlpg++;
	if (!s->v.hw.due)
		need_flush_gva(&s->v, gva);
	if (compared) {
		save(s, &lane, 0);
		restore(s, &before, 0);
		mmu_invlpg(&s->v, gva);
		save(s, &general, 0);
		if (difference(s))
			sim_fail(
				s,
				"the straight way of INVLPG %llx leaves other %s than the general one",
				(unsigned long long)gva, difference(s));
	}
	s->calm = false;
	return true;
}
