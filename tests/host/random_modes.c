/* SPDX-License-Identifier: MIT */
/* The guest's paging modes and registers. */
#include "arch/cpu.h"
#include "tests/host/random_guest.h"

/* There is no CPU with SMEP, SMAP or keys, but without NX. */
u64 random_cr4(const struct random_guest *g, u64 cr4)
{
	return g->sim.config.features.nx ? cr4 : cr4 & ~(CR4_SMEP | CR4_SMAP | CR4_PKE);
}

void random_switch_mode(struct random_guest *g)
{
	struct sim *s = &g->sim;
	struct rnd *r = g->r;
	enum ref_mode mode = rnd(r, 12) % 5;
	u64 cr4 = s->regs.cr4 & ~(CR4_PAE | CR4_LA57 | CR4_PCIDE);
	u64 cr0 = CR0_PG | 1, cr3, efer = 0;
	u32 root = random_low_root(g);

	sim_set_regs(s, s->regs.cr0 & ~CR0_PG, s->regs.cr3, cr4, s->regs.efer & ~EFER_LMA, true);
	if (mode == REF_OFF)
		return;
	if (mode == REF_5LEVEL && !g->allow_5level)
		mode = REF_4LEVEL;
	if (s->stats.steps && one_in(r, 8))
		random_mend_window(g);
	random_prepare_root(g, root, mode);
	cr3 = g->frame[root] | now_and_then(g, 0x18, 4);
	cr0 |= now_and_then(g, CR0_WP, 2);
	cr4 ^= now_and_then(g, CR4_PSE, 3) | now_and_then(g, CR4_PGE, 3) |
	       now_and_then(g, CR4_SMEP, 3) | now_and_then(g, CR4_SMAP, 3) |
	       now_and_then(g, CR4_PKE, 3);
	cr4 = random_cr4(g, cr4);
	if (s->config.features.nx)
		efer |= now_and_then(g, EFER_NXE, 2);
	if (mode >= REF_PAE)
		cr4 |= CR4_PAE;
	if (mode >= REF_4LEVEL) {
		efer |= EFER_LMA;
		cr4 |= now_and_then(g, CR4_PCIDE, 2);
	}
	if (mode == REF_5LEVEL)
		cr4 |= CR4_LA57;
	if (mode == REF_32 && one_in(r, 4))
		cr4 |= CR4_PSE;
	sim_set_regs(s, cr0, cr3, cr4, efer, true);
}

void random_toggle(struct random_guest *g)
{
	static const u64 cr4_bits[] = {CR4_SMEP, CR4_SMAP, CR4_PKE, CR4_PGE, CR4_PSE};
	struct sim *s = &g->sim;
	u64 cr0 = s->regs.cr0, cr4 = s->regs.cr4, efer = s->regs.efer;
	u32 which = rnd(g->r, 12);

	if (which < 5)
		cr4 ^= cr4_bits[which];
	else if (which == 5 && s->config.features.nx)
		efer ^= EFER_NXE;
	else
		cr0 ^= CR0_WP;
	cr4 = random_cr4(g, cr4);
	/* What SDM 4.10.4.1 does not name, the guest flushes itself before it goes on. */
	if (sim_set_regs(s, cr0, s->regs.cr3, cr4, efer, false))
		return;
	if (which == 4 || which == 5)
		sim_set_cr3(s, s->regs.cr3);
}

void random_load_cr3(struct random_guest *g)
{
	struct sim *s = &g->sim;
	u32 root = random_low_root(g);
	u64 cr3;

	if (s->guest.mode == REF_OFF || one_in(g->r, 2)) {
		sim_set_cr3(s, s->regs.cr3);
		return;
	}
	if (!one_in(g->r, 8))
		random_prepare_root(g, root, s->guest.mode);
	cr3 = g->frame[root] | now_and_then(g, 0x18, 4);
	if (one_in(g->r, 64))
		cr3 = random_address(g) & 0xfffff000;
	else if (s->guest.mode == REF_PAE && one_in(g->r, 8))
		cr3 |= 0x20;
	if (s->regs.cr4 & CR4_PCIDE)
		cr3 |= rnd(g->r, 3) | now_and_then(g, CR3_NOFLUSH, 2);
	sim_set_cr3(s, cr3);
}
