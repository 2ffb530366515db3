/* SPDX-License-Identifier: MIT */
/*
 * A page that is written by a mapping of its own becomes a page table, and is given up again: what happens to that
 * mapping meanwhile decides whether it may write the page then.
 */
#include "arch/cpu.h"
#include "tests/host/random_guest.h"

u64 random_use_as_table(struct random_guest *g, u64 gva, u64 page)
{
	u64 link = random_lead_to(g, gva & random_mask(g), 2);

	if (!link || gt_full(&g->sim.tlb) ||
	    !random_store(g, link, page | PTE_P | PTE_W | PTE_U | PTE_A))
		return 0;
	random_touch(g, gva, false);
	return link;
}

void random_turn(struct random_guest *g)
{
	struct sim *s = &g->sim;
	u64 size = random_is_32(g) ? MIB(4) : MIB(2), flags = PTE_P | PTE_W | PTE_A | PTE_D;
	u64 gva = random_gva(g), page = random_frame(g), other = random_frame(g), leaf, link;

	if (s->guest.mode == REF_OFF || (random_is_32(g) && (page | other) >> 32))
		return;
	flags |= one_in(g->r, 2) ? PTE_U : 0;
	leaf = random_lead_to(g, gva, 1);
	if (!leaf || gt_full(&s->tlb) || !random_store(g, leaf, page | flags))
		return;
	sim_invlpg(s, gva);
	random_touch(g, gva, true);
	link = random_use_as_table(g, gva ^ size, page);
	if (!link || (one_in(g->r, 2) && !random_use_as_table(g, gva ^ 2 * size, other)))
		return;
	switch (gt_full(&s->tlb) ? 4 : rnd(g->r, 6)) {
	case 0:
	case 1:
		random_store(g, leaf, other | flags);
		break;
	case 2:
		random_store(g, leaf, page | (flags & ~(PTE_W | PTE_D)));
		break;
	case 3:
		random_store(g, leaf, 0);
		break;
	default:
		break;
	}
	if (one_in(g->r, 2))
		sim_invlpg(s, gva);
	if (!gt_full(&s->tlb) && random_store(g, link, 0) && one_in(g->r, 2))
		sim_set_cr3(s, s->regs.cr3);
	random_touch(g, gva, true);
}
