/* SPDX-License-Identifier: MIT */
/* The random guest as a kernel that changes large pages one by one. */
#include "arch/cpu.h"
#include "tests/host/random_guest.h"
#include "tests/host/sim_mem.h"

u64 random_lead_to(struct random_guest *g, u64 gva, int level)
{
	const struct ref_cpu *cpu = &g->sim.guest;
	u32 size = ref_entry_size(cpu);

	for (u32 tries = 0; tries < 5; tries++) {
		struct ref_path path;
		enum ref_kind kind = ref_start(cpu, gva, &path);
		u64 gpa = (cpu->cr3 & ~0x1fULL) + (gva >> 30) * 8, flags = PTE_P;
		u32 frame;

		while (kind == REF_TABLE) {
			gpa = ref_entry_addr(cpu, &path, gva);
			if (path.level == level)
				return random_frame_index(g, gpa) < RANDOM_FRAMES ? gpa : 0;
			kind = ref_next(cpu, &path, gva, sim_read(gpa, size));
			flags = PTE_P | PTE_W | PTE_U | PTE_A;
		}
		frame = random_frame_index(g, gpa);
		if (frame == RANDOM_FRAMES ||
		    !random_store_at(g, frame, gpa & 4095, g->frame[1 + rnd(g->r, 9)] | flags,
				     size))
			return 0;
		/* A PDPTE is read when CR3 is loaded; of others nothing is kept once they are flushed. */
		if (cpu->mode == REF_PAE ? sim_set_cr3(&g->sim, g->sim.regs.cr3) : 0)
			return 0;
		sim_invlpg(&g->sim, gva);
	}
	return 0;
}

enum change {
	CHANGE_RIGHTS,
	CHANGE_PAGE,
	CHANGE_PRESENT,
	CHANGE_SIZE,
	CHANGE_NOTHING,
	CHANGE_ANY,
	CHANGES
};

/* small: the table that takes a page's place. */
static u64 changed_entry(struct random_guest *g, enum change change, u64 old, u32 i, u64 small)
{
	u64 page = i % 8 * MIB(4) | PTE_P | PTE_PS | PTE_U | PTE_A | PTE_D;

	switch (change) {
	case CHANGE_RIGHTS:
		return old & PTE_P ? old ^ PTE_W : page;
	case CHANGE_PAGE:
		return page | (~old & PTE_PCD);
	case CHANGE_PRESENT:
		return old & PTE_P ? 0 : page;
	case CHANGE_SIZE:
		return old & PTE_PS ? small | PTE_P | PTE_W | PTE_U | PTE_A : page;
	case CHANGE_NOTHING:
		return old;
	default:
		return random_entry(g) | PTE_PS;
	}
}

/*
 * A table for a page that changes its size, which has a shadow, as one that is in use for another address, too: else a
 * link to it is a trap first, and the fault flushes. 0: it cannot be had.
 */
static u64 small_table(struct random_guest *g, u64 gpa, struct ref_access *a, int level)
{
	u32 frame = 1 + rnd(g->r, 9), size = ref_entry_size(&g->sim.guest), pfec;
	u64 leaf = MIB(4) | PTE_P | PTE_U | PTE_A | (level > 2 ? PTE_PS : 0);

	if (!random_store_at(g, frame, 0, leaf, size) ||
	    !random_store_at(g, random_frame_index(g, gpa), gpa & 4095,
			     g->frame[frame] | PTE_P | PTE_W | PTE_U | PTE_A, size))
		return 0;
	sim_invlpg(&g->sim, a->gva);
	sim_access(&g->sim, a, NULL, 8, &pfec);
	return g->frame[frame];
}

/*
 * A kernel changes large pages one by one: a table that is in use is written entry by entry, each followed
 * by an INVLPG, and what it maps is used after that, or now and then on the way.
 */
void random_change_large(struct random_guest *g)
{
	struct sim *s = &g->sim;
	bool is_64 = s->guest.mode >= REF_4LEVEL;
	u32 n = one_in(g->r, 3) ? 26 + rnd(g->r, 16) : 5 + rnd(g->r, 12),
	    size = ref_entry_size(&s->guest);
	u32 used = one_in(g->r, 4) ? 4 : 0, unflushed = one_in(g->r, 4) ? 1 + rnd(g->r, 4) : 0;
	int level = is_64 && one_in(g->r, 2) ? 3 : 2;
	u64 span = random_is_32(g) ? MIB(4)
		   : level == 3    ? GIB(1)
				   : MIB(2),
	    pages = rnd(g->r, 4) * span, small = g->frame[1 + rnd(g->r, 9)], gpa, entry;
	struct ref_access a = {.ac = true};
	enum change change = rnd(g->r, CHANGES);
	bool resize = change == CHANGE_SIZE;
	u32 pfec;

	if (s->guest.mode == REF_OFF)
		return;
	pages += level == 2 && !random_is_32(g) ? rnd(g->r, is_64 ? 2 : 3) * GIB(1) : 0;
	gpa = random_lead_to(g, pages, level);
	if (!gpa)
		return;
	/* The table has its shadow from the first access on. */
	a.gva = pages;
	if (!random_store_at(g, random_frame_index(g, gpa), gpa & 4095,
			     changed_entry(g, CHANGE_PRESENT, 0, 0, 0), size))
		return;
	sim_invlpg(s, a.gva);
	sim_access(s, &a, NULL, 8, &pfec);
	if (resize && one_in(g->r, 2)) {
		a.gva = pages + n * span;
		small = small_table(g, gpa + n * size, &a, level);
		if (!small)
			return;
	}
	for (u32 i = 0; i < n && !gt_full(&s->tlb); i++) {
		/* Four times in a row a page becomes a table, or the other way round, and each is used. */
		u32 at = resize ? i / 4 : i;

		a.gva = pages + at * span;
		if (resize)
			sim_access(s, &a, NULL, 8, &pfec);
		entry = changed_entry(g, change, sim_read(gpa + at * size, size), at, small);
		if (!random_store_at(g, random_frame_index(g, gpa), (gpa & 4095) + at * size, entry,
				     size))
			return;
		if (resize ? one_in(g->r, 3) : !unflushed || i % unflushed)
			sim_invlpg(s, a.gva);
		if (used && one_in(g->r, used))
			sim_access(s, &a, NULL, 8, &pfec);
	}
	for (u32 i = rnd(g->r, 4); i > 0 && !gt_full(&s->tlb); i--) {
		a.gva = pages + rnd(g->r, n) * span;
		sim_access(s, &a, NULL, 8, &pfec);
	}
}
