/* SPDX-License-Identifier: MIT */
/*
 * Operations of the random guest that use up shadow tables, so that whatever else it does recycles them
 * at the worst moment: many roots, wide tables, many pages for one instruction.
 */
#include "arch/cpu.h"
#include "tests/host/random_guest.h"
#include "tests/host/sim_mem.h"

/* Frames with nothing in them, for roots. */
#define ROOTS    MIB(24)
#define NR_ROOTS 512

/* The address with one or two of its indices changed, within the mode's width. */
static u64 neighbour(struct random_guest *g, u64 gva, u32 step)
{
	static const u32 shifts[] = {12, 21, 22, 30, 39};
	u64 to = gva ^ (u64)step << shifts[rnd(g->r, ARRAY_SIZE(shifts))];

	if (one_in(g->r, 3))
		to ^= 1ULL << shifts[rnd(g->r, ARRAY_SIZE(shifts))];
	return to & random_mask(g) & ~7ULL;
}

static void touch(struct random_guest *g, u64 gva)
{
	struct ref_access a = {.gva = gva & random_mask(g), .ac = true, .write = one_in(g->r, 4)};
	u64 data[2] = {random_entry(g), 0};
	u32 pfec;

	if (gt_full(&g->sim.tlb) || !ref_canonical(&g->sim.guest, a.gva))
		return;
	if (sim_access(&g->sim, &a, data, 8, &pfec) == SIM_FAULT && one_in(g->r, 2) &&
	    random_mend(g, &a))
		sim_access(&g->sim, &a, data, 8, &pfec);
}

/* Loads of CR3, or INVPCID, without a fault between; then the old root again. */
static void storm(struct random_guest *g, u32 loads)
{
	struct sim *s = &g->sim;
	u64 home = s->regs.cr3;

	s->stats.storms++;
	if (s->guest.mode == REF_OFF)
		return;
	for (u32 i = 0; i < loads; i++) {
		u64 cr3 = ROOTS + g->next_root++ % NR_ROOTS * PAGE_SIZE;

		if (one_in(g->r, 32)) {
			sim_invpcid(s, rnd(g->r, 4), random_gva(g));
			continue;
		}
		if (one_in(g->r, 8))
			cr3 = random_frame(g) & 0xfffff000;
		/* PDPTEs of some table, for most roots have none. */
		if (s->guest.mode == REF_PAE && one_in(g->r, 2))
			cr3 = (g->frame[rnd(g->r, 4)] & 0xfffff000) | rnd(g->r, 128) * 32;
		sim_set_cr3(s, cr3);
	}
	sim_set_cr3(s, home);
}

/* A table gets many children, all in use. */
static void widen(struct random_guest *g)
{
	u64 gva = random_gva(g);
	u32 nr = 1 + rnd(g->r, 24);

	for (u32 i = 0; i < nr; i++)
		touch(g, neighbour(g, gva, i));
}

/* The tables of one way become the oldest of all, and then one is wanted just below them. */
static void age(struct random_guest *g)
{
	u64 gva = one_in(g->r, 2) ? random_gva(g) : random_window(g, rnd(g->r, RANDOM_FRAMES));
	u32 tables = sim_tables(&g->sim), loads = tables - rnd(g->r, tables < 16 ? tables : 16);

	if (loads > 200)
		return;
	/* So many faults from each other that none counts as recent for another. */
	for (u32 i = 1 + rnd(g->r, 4); i > 0; i--)
		touch(g, gva);
	/* Four PDs are pinned, and made, for each root. */
	storm(g, g->sim.guest.mode < REF_4LEVEL ? loads / 4 : loads);
	for (u32 i = 1 + rnd(g->r, 4); i > 0; i--)
		touch(g, neighbour(g, gva, 1));
}

/* Several pages for one instruction, lent where WP=0 alone allows the write. */
static void lend(struct random_guest *g)
{
	struct sim *s = &g->sim;
	struct ref_access a[MMU_LENT_MAX + 2];
	u32 nr = 1 + rnd(g->r, ARRAY_SIZE(a));

	if (s->guest.mode == REF_OFF ||
	    sim_set_regs(s, s->regs.cr0 & ~CR0_WP, s->regs.cr3,
			 random_cr4(g, s->regs.cr4 | (one_in(g->r, 4) ? 0 : CR4_SMAP)),
			 s->regs.efer, false))
		return;
	for (u32 i = 0; i < nr; i++) {
		u64 gva = one_in(g->r, 2) ? random_gva(g) : neighbour(g, g->page[0], i);

		a[i] = (struct ref_access){.gva = gva, .write = !one_in(g->r, 4), .ac = true};
		if (!ref_canonical(&s->guest, gva))
			return;
	}
	sim_access_pages(s, a, nr);
}

void random_press(struct random_guest *g)
{
	u32 op = rnd(g->r, 8);

	if (op < 2)
		storm(g, 1 + rnd(g->r, 90));
	else if (op < 4)
		widen(g);
	else if (op < 7)
		age(g);
	else
		lend(g);
}
