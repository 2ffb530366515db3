/* SPDX-License-Identifier: MIT */
/*
 * A device of the random guest's writes to its page tables, with no store that faults: at any moment, in
 * the middle of an exit too.
 */
#include "arch/cpu.h"
#include "tests/host/random_guest.h"
#include "tests/host/sim_mem.h"

/* An entry on the way to an address, or any in one of the frames; 0: there is none. */
static u64 some_entry(struct random_guest *g, u64 gva)
{
	const struct ref_cpu *cpu = &g->sim.guest;
	u32 size = ref_entry_size(cpu), nr = 0;
	struct ref_path path;
	enum ref_kind kind = ref_start(cpu, gva, &path);
	u64 gpa[5];

	while (kind == REF_TABLE) {
		gpa[nr] = ref_entry_addr(cpu, &path, gva);
		kind = ref_next(cpu, &path, gva, sim_read(gpa[nr++], size));
	}
	if (nr && !one_in(g->r, 8))
		return gpa[rnd(g->r, nr)];
	return random_frame(g) + rnd(g->r, PAGE_SIZE / size) * size;
}

/* What makes the most of a link, or leaf, that was there before. */
static u64 other_entry(struct random_guest *g, u64 entry)
{
	u64 all = PTE_P | PTE_W | PTE_U | PTE_A | PTE_D;

	/* A large page becomes a table: its split is there. */
	if ((entry & PTE_PS) && one_in(g->r, 2))
		return random_frame(g) | all;
	switch (rnd(g->r, 10)) {
	case 0:
		return random_entry(g);
	case 1:
		return random_frame(g) | all;
	case 2:
		return (entry & 0xfff & ~PTE_PS) | PTE_P | random_frame(g);
	case 3:
		return rnd(g->r, 4) * GIB(1) | PTE_PS | all;
	case 4:
		return rnd(g->r, 16) * MIB(2) | PTE_PS | all;
	case 5:
		return entry | all;
	case 6:
		return entry ^ PTE_P;
	case 7:
		return entry ^ PTE_W;
	case 8:
		return entry ^ PTE_U;
	default:
		return entry & ~PTE_A;
	}
}

void random_device(struct random_guest *g)
{
	u32 size = ref_entry_size(&g->sim.guest), looks = one_in(g->r, 2) ? 0 : 1 + rnd(g->r, 40);
	u64 gva = random_gva(g), gpa = some_entry(g, gva), data[2] = {random_entry(g), 0};
	struct ref_access a = {.gva = gva, .write = one_in(g->r, 2), .user = one_in(g->r, 2)};
	u32 pfec;

	if (!sim_is_ram(gpa))
		return;
	/* Shadows of what was there. */
	if (one_in(g->r, 2))
		sim_access(&g->sim, &(struct ref_access){.gva = gva}, data, 8, &pfec);
	sim_device_write(&g->sim, gpa, other_entry(g, sim_read(gpa, size)), size, looks);
	for (u32 i = rnd(g->r, 3); i > 0 && !gt_full(&g->sim.tlb); i--) {
		if (sim_access(&g->sim, &a, data, 8, &pfec) == SIM_FAULT && !random_mend(g, &a))
			return;
	}
}
