/* SPDX-License-Identifier: MIT */
/*
 * A page table of small pages as a kernel treats it: written entry after entry, flushed or not, its pages
 * used in sequence, and so again with other contents.
 */
#include "arch/cpu.h"
#include "tests/host/random_guest.h"
#include "tests/host/sim_mem.h"

enum fill { FILL_CLEAR, FILL_RIGHTS, FILL_PAGES, FILL_UNUSED, FILL_SWAPPED, FILL_ANY, FILLS };

static u64 filled_entry(struct engine *e, enum fill fill, u64 old, u32 i)
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
		return engine_entry(e);
	}
}

static void use_in_sequence(struct engine *e, u64 gva, u32 nr)
{
	struct ref_access a = {.ac = true, .user = one_in(e->r, 2)};
	u64 data[2] = {engine_entry(e), 0};
	u32 pfec;

	for (u32 i = rnd(e->r, 4); i < nr && !gt_full(&e->sim.tlb); i++) {
		a.gva = gva + i * PAGE_SIZE;
		a.write = one_in(e->r, 16);
		sim_access(&e->sim, &a, data, 8, &pfec);
	}
}

void engine_table(struct engine *e)
{
	struct sim *s = &e->sim;
	u32 size = ref_entry_size(&s->guest), nr = 4 + rnd(e->r, 28);
	u64 gva = rnd(e->r, 4) * MIB(2) + rnd(e->r, 480) * PAGE_SIZE, gpa;

	if (s->guest.mode == REF_OFF)
		return;
	gpa = engine_lead_to(e, gva, 1);
	for (u32 round = 1 + rnd(e->r, 4); gpa && round > 0; round--) {
		enum fill fill = rnd(e->r, FILLS);
		u32 flush = rnd(e->r, 4);

		for (u32 i = 0; i < nr && !gt_full(&s->tlb); i++) {
			if (!engine_store(e, gpa + i * size,
					  filled_entry(e, fill, sim_read(gpa + i * size, size), i)))
				return;
			if (flush == 0)
				sim_invlpg(s, gva + i * PAGE_SIZE);
		}
		if (flush == 1 && sim_set_cr3(s, s->regs.cr3))
			return;
		if (one_in(e->r, 3))
			sim_check(s);
		use_in_sequence(e, gva, nr);
	}
}
