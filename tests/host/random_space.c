/* SPDX-License-Identifier: MIT */
/*
 * Address spaces that begin with another's tables, as after a fork, and that end: unmapped, and taken apart from
 * below.
 */
#include "tests/host/random_guest.h"
#include "tests/host/sim_mem.h"

/* All that a page table has, or all but a few entries. */
static bool unmap(struct random_guest *g, u64 table)
{
	u32 size = ref_entry_size(&g->sim.guest);
	bool all = !one_in(g->r, 4);

	for (u32 at = 0; at < PAGE_SIZE && !gt_full(&g->sim.tlb); at += size) {
		if (sim_read(table + at, size) && (all || one_in(g->r, 2)) &&
		    !random_store(g, table + at, 0))
			return false;
	}
	return true;
}

static void end_space(struct random_guest *g)
{
	u64 gva = rnd(g->r, 4) * MIB(2) + rnd(g->r, 3) * PAGE_SIZE, gpa[5] = {0};
	u32 levels = g->sim.guest.mode >= REF_4LEVEL ? 4 : 2;

	for (u32 level = levels; level > 0; level--) {
		gpa[level] = random_lead_to(g, gva, level);
		if (!gpa[level])
			return;
	}
	random_touch(g, gva, false);
	if (!unmap(g, ALIGN_DOWN(gpa[1], PAGE_SIZE)))
		return;
	for (u32 level = 2; level <= levels && !gt_full(&g->sim.tlb); level++) {
		if (!random_store(g, gpa[level], 0))
			return;
		if (one_in(g->r, 4))
			random_touch(g, gva, false);
	}
	if (one_in(g->r, 2))
		sim_check(&g->sim);
}

/* Another root with the same tables, of the first few entries. */
static void begin_space(struct random_guest *g)
{
	struct sim *s = &g->sim;
	u32 from = random_frame_index(g, s->regs.cr3 & ~0xfffULL), to = random_new_root(g);

	if (from == RANDOM_FRAMES || to == RANDOM_FRAMES || from == to)
		return;
	for (u32 at = 0; at < 4 * 8; at += 8) {
		if (!random_store_at(g, to, at, sim_read(g->frame[from] + at, 8), 8))
			return;
	}
	sim_set_cr3(s, g->frame[to]);
	if (one_in(g->r, 2))
		sim_check(s);
}

void random_space(struct random_guest *g)
{
	if (g->sim.guest.mode == REF_OFF)
		return;
	if (one_in(g->r, 2))
		begin_space(g);
	else
		end_space(g);
}
