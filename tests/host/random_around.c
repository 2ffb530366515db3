/* SPDX-License-Identifier: MIT */
/*
 * As a kernel that maps the pages around each fault: it writes some of the sixteen entries there, and the program uses
 * one or more of them; then the same at another place of the table. Nothing is flushed for it, but now and then.
 */
#include "arch/cpu.h"
#include "tests/host/random_guest.h"

#define AROUND 16
#define PLACES 6

struct around {
	u64 gva;
	u64 leaf; /* where the first entry is */
	u32 size;
};

/* All but a few, or one. */
static bool map_around(struct random_guest *g, const struct around *a, u32 place)
{
	u64 flags = PTE_P | PTE_A | PTE_U | now_and_then(g, PTE_W | PTE_D, 2);
	u32 one = one_in(g->r, 4) ? rnd(g->r, AROUND) : AROUND;

	for (u32 i = 0; i < AROUND; i++) {
		/* Of data mostly, as a kernel's are. */
		u64 page = one_in(g->r, 12) ? random_frame(g)
					    : MIB(4) + (place * 5 + i) % 64 * PAGE_SIZE;

		if ((one < AROUND && i != one) || one_in(g->r, 8))
			continue;
		if (random_is_32(g) && page >> 32)
			page = g->frame[0];
		if (gt_full(&g->sim.tlb) ||
		    !random_store(g, a->leaf + (u64)(place * AROUND + i) * a->size,
				  (page | flags) ^ now_and_then(g, PTE_A, 12)))
			return false;
	}
	return true;
}

static void use_around(struct random_guest *g, const struct around *a, u32 place)
{
	u64 gva = a->gva + (u64)place * AROUND * PAGE_SIZE;

	for (u32 n = 1 + rnd(g->r, 3); n > 0 && !gt_full(&g->sim.tlb); n--)
		random_touch(g, gva + rnd(g->r, AROUND) * PAGE_SIZE, one_in(g->r, 3));
}

/* One of them goes, or some bit of it. */
static bool change_one(struct random_guest *g, const struct around *a, u32 place)
{
	u32 i = place * AROUND + rnd(g->r, AROUND);
	u64 entry = (random_frame(g) & GENMASK(31, 12)) | PTE_P | PTE_A | PTE_U;

	if (gt_full(&g->sim.tlb) ||
	    !random_store(g, a->leaf + (u64)i * a->size, one_in(g->r, 2) ? entry : 0))
		return false;
	if (one_in(g->r, 2))
		sim_invlpg(&g->sim, a->gva + i * PAGE_SIZE);
	return true;
}

void random_around(struct random_guest *g)
{
	struct sim *s = &g->sim;
	struct around a = {.size = ref_entry_size(&s->guest)};
	bool own = !one_in(g->r, 4);

	if (s->guest.mode == REF_OFF || (own && !random_own_process(g)))
		return;
	a.gva = rnd(g->r, 26) * AROUND * PAGE_SIZE + (own ? 0 : rnd(g->r, 4) * MIB(2));
	a.leaf = random_lead_to(g, a.gva, 1);
	if (!a.leaf)
		return;
	for (u32 turns = 4 + rnd(g->r, 10); turns > 0; turns--) {
		u32 place = rnd(g->r, PLACES);

		if (gt_full(&s->tlb))
			return;
		random_touch(g, a.gva + (u64)(place * AROUND + rnd(g->r, AROUND)) * PAGE_SIZE,
			     false);
		if (!map_around(g, &a, place))
			return;
		if (!one_in(g->r, 6))
			use_around(g, &a, place);
		if (one_in(g->r, 3) && !change_one(g, &a, rnd(g->r, PLACES)))
			return;
		if (one_in(g->r, 12))
			sim_set_cr3(s, s->regs.cr3);
		if (one_in(g->r, 4))
			sim_check(s);
	}
}
