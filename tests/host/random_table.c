/* SPDX-License-Identifier: MIT */
/*
 * A page table of small pages as a kernel treats it: written entry after entry, flushed or not, its pages
 * used in sequence, and so again with other contents.
 */
#include "arch/cpu.h"
#include "tests/host/random_guest.h"
#include "tests/host/sim_mem.h"

enum fill { FILL_CLEAR, FILL_RIGHTS, FILL_PAGES, FILL_UNUSED, FILL_SWAPPED, FILL_ANY, FILLS };

static u64 filled_entry(struct random_guest *g, enum fill fill, u64 old, u32 i)
{
	u64 page = (MIB(4) + i * 7 % 64 * PAGE_SIZE) | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D;

	switch (fill) {
	case FILL_CLEAR:
		return 0;
	case FILL_RIGHTS:
		return old & PTE_P ? old ^ PTE_W : page;
	case FILL_PAGES:
		return page;
	case FILL_UNUSED:
		return page & ~(PTE_A | PTE_D);
	case FILL_SWAPPED:
		return page & ~PTE_P;
	default:
		return random_entry(g);
	}
}

static void use_in_sequence(struct random_guest *g, u64 gva, u32 nr)
{
	struct ref_access a = {.ac = true, .user = one_in(g->r, 2)};
	u64 data[2] = {random_entry(g), 0};
	u32 pfec;

	for (u32 i = rnd(g->r, 4); i < nr && !gt_full(&g->sim.tlb); i++) {
		a.gva = gva + i * PAGE_SIZE;
		a.write = one_in(g->r, 16);
		sim_access(&g->sim, &a, data, 8, &pfec);
	}
}

void random_table(struct random_guest *g)
{
	struct sim *s = &g->sim;
	u32 size = ref_entry_size(&s->guest), nr = 4 + rnd(g->r, 28);
	u64 gva = rnd(g->r, 4) * MIB(2) + rnd(g->r, 480) * PAGE_SIZE, gpa;

	if (s->guest.mode == REF_OFF)
		return;
	gpa = random_lead_to(g, gva, 1);
	for (u32 round = 1 + rnd(g->r, 4); gpa && round > 0; round--) {
		enum fill fill = rnd(g->r, FILLS);
		u32 flush = rnd(g->r, 4);

		for (u32 i = 0; i < nr && !gt_full(&s->tlb); i++) {
			if (!random_store(g, gpa + i * size,
					  filled_entry(g, fill, sim_read(gpa + i * size, size), i)))
				return;
			if (flush == 0)
				sim_invlpg(s, gva + i * PAGE_SIZE);
		}
		if (flush == 1 && sim_set_cr3(s, s->regs.cr3))
			return;
		if (one_in(g->r, 3))
			sim_check(s);
		use_in_sequence(g, gva, nr);
	}
}

void random_copy_entry(struct random_guest *g)
{
	u32 size = random_is_32(g) ? 4 : 8, from = rnd(g->r, 10), to = rnd(g->r, 10);
	u32 at = random_index(g->r, 4096 / size) * size;
	u64 entry = sim_read(g->frame[from] + at, size);

	/* Linux-like changes: rights taken, A or D cleared, gone. */
	switch (rnd(g->r, 6)) {
	case 0:
		entry &= ~PTE_W;
		break;
	case 1:
		entry &= ~PTE_A;
		break;
	case 2:
		entry &= ~PTE_D;
		break;
	case 3:
		entry &= ~PTE_P;
		break;
	case 4:
		entry |= PTE_P;
		break;
	default:
		break;
	}
	random_store_at(g, one_in(g->r, 2) ? from : to, at, entry, size);
}
