/* SPDX-License-Identifier: MIT */
/*
 * As after a fork: a user's pages are copied one after another, or the kernel looks at one that is not there.
 * Often in an address space of its own, whose frames hardly anything else is done to: so the user filter
 * stays on for a while.
 */
#include "arch/cpu.h"
#include "tests/host/random_guest.h"

/* Indices of frames: the pages, and the first tables, from the root on. */
enum { P_DATA = RANDOM_COW, NR_DATA = 4, P_ROOT = P_DATA + NR_DATA };

bool random_own_process(struct random_guest *g)
{
	struct sim *s = &g->sim;
	u32 top = s->guest.mode + 1, size = ref_entry_size(&s->guest);

	if (!random_prepare_root(g, P_ROOT, s->guest.mode))
		return false;
	for (u32 level = top; level > 1; level--) {
		u32 frame = P_ROOT + top - level;
		u64 flags = PTE_P |
			    (s->guest.mode == REF_PAE && level == 3 ? 0 : PTE_W | PTE_U | PTE_A);

		if (!random_store_at(g, frame, 0, g->frame[frame + 1] | flags, size))
			return false;
	}
	return !sim_set_regs(s, s->regs.cr0 | CR0_WP, g->frame[P_ROOT], s->regs.cr4, s->regs.efer,
			     true);
}

/* A user's write to a page that is not his to write yet, and what the kernel makes of it. */
static void copy_page(struct random_guest *g, u64 gva, u64 gpa)
{
	struct sim *s = &g->sim;
	struct ref_access a = {.gva = gva, .user = true, .write = !one_in(g->r, 4)};
	u64 flags = PTE_P | PTE_U | PTE_A | now_and_then(g, PTE_D, 2) | now_and_then(g, PTE_W, 8);
	u64 data[2] = {0}, entry;
	u32 pfec;

	entry = one_in(g->r, 8) ? random_frame(g) : g->frame[P_DATA + rnd(g->r, NR_DATA)];
	entry = random_is_32(g) ? (u32)entry : entry;
	if (!random_store(g, gpa, entry | flags))
		return;
	if (!one_in(g->r, 3))
		sim_invlpg(s, gva);
	sim_access(s, &a, data, 8, &pfec);
	a.write = true;
	if (sim_access(s, &a, data, 8, &pfec) == SIM_FAULT) {
		flags |= PTE_W | (one_in(g->r, 8) ? 0 : PTE_D);
		if (!random_store(g, gpa, entry | flags))
			return;
		if (one_in(g->r, 2))
			sim_invlpg(s, gva);
	}
	for (u32 k = rnd(g->r, 3); k > 0 && !gt_full(&s->tlb); k--)
		sim_access(s, &a, data, 8, &pfec);
	if (one_in(g->r, 4)) {
		a.user = false;
		a.write = a.ac = one_in(g->r, 2);
		sim_access(s, &a, data, 8, &pfec);
	}
}

void random_copy_on_write(struct random_guest *g)
{
	struct sim *s = &g->sim;
	u64 gva = random_gva(g), gpa;
	bool own = !one_in(g->r, 3);

	if (s->guest.mode == REF_OFF || (own && !random_own_process(g)))
		return;
	for (u32 i = 1 + rnd(g->r, 8); i > 0 && !gt_full(&s->tlb); i--) {
		if (own)
			gva = (u64)rnd(g->r, 8) << 12;
		gpa = random_lead_to(g, gva, 1);
		if (!gpa)
			return;
		copy_page(g, gva, gpa);
		if (one_in(g->r, 6))
			random_change_way(g, gva);
		if (one_in(g->r, 4))
			sim_set_cr3(s, s->regs.cr3);
	}
}
