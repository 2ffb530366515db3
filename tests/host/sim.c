/* SPDX-License-Identifier: MIT */
/* The simulated machine: memory, devices, registers, entries and exits; see sim.h. */
#include "tests/host/sim.h"
#include "mm/shadow/settle.h"
#include "tests/host/sim_changes.h"
#include "tests/host/sim_exit.h"
#include "tests/host/sim_mem.h"
#include "tests/host/straight.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CR0_PG_BIT   (1ULL << 31)
#define CR4_FLUSHING (1ULL << 4 | 1ULL << 5 | 1ULL << 7) /* PSE, PAE, PGE */
#define CR4_SMEP_BIT (1ULL << 20)

/* --- memory ------------------------------------------------------------------------------------- */

void sim_store(struct sim *s, u64 gpa, const void *data, u32 size)
{
	u64 first = gpa & ~7ULL, last = (gpa + size - 1) & ~7ULL, old[4];

	for (u64 q = first; q <= last; q += 8)
		old[(q - first) / 8] = sim_read(q, 8);
	sim_write(gpa, data, size);
	for (u64 q = first; q <= last; q += 8)
		if (sim_read(q, 8) != old[(q - first) / 8])
			gt_changed(&s->tlb, q, old[(q - first) / 8], sim_read(q, 8));
}

void sim_poke(struct sim *s, u64 gpa, u64 value, u32 size)
{
	sim_store(s, gpa, &value, size);
	gt_flush_all(&s->tlb);
}

/* --- devices ------------------------------------------------------------------------------------ */

static void device_write(struct sim *s)
{
	u64 gpa = s->device.gpa, gfn = gpa >> PAGE_SHIFT;
	u32 i = 0;

	/* What the MMU has set so far, before it may be overwritten. */
	judge_changes(s);
	sim_trace(s, "    a device writes %lx: %lx -> %lx", gpa, sim_read(gpa, s->device.size),
		  s->device.value);
	s->device.looks = 0;
	s->stats.device_writes++;
	sim_store(s, gpa, &s->device.value, s->device.size);
	while (i < s->nr_foreign && s->foreign[i] != gfn)
		i++;
	if (i == SIM_FOREIGN)
		abort();
	s->foreign[i] = gfn;
	s->nr_foreign += i == s->nr_foreign;
	s->inexact = true;
}

static void mmu_looked(void *ctx)
{
	struct sim *s = ctx;

	if (!s->calm && s->device.looks && --s->device.looks == 0)
		device_write(s);
}

void sim_device_write(struct sim *s, u64 gpa, u64 value, u32 size, u32 looks)
{
	s->device.gpa = gpa;
	s->device.value = value;
	s->device.size = size;
	s->device.looks = looks;
	sim_mem_ctx = s;
	sim_mem_looked = mmu_looked;
	if (!looks)
		device_write(s);
}

/* Between the MMU's operations: frames without a shadow are as any other again. */
static void settle_devices(struct sim *s, bool flushed)
{
	for (u32 i = s->nr_foreign; i-- > 0;) {
		if (!(s->mmu->frames[s->foreign[i]].state & FRAME_TABLES))
			s->foreign[i] = s->foreign[--s->nr_foreign];
	}
	if (flushed && !s->nr_foreign)
		s->inexact = false;
}

/* --- entry and exit ----------------------------------------------------------------------------- */

/* What is not said to be due is as the last entry had it. */
static void check_due(struct sim *s)
{
	const struct mmu_hw *hw = &s->v.hw, *last = &s->last_hw;

	if (!hw->due &&
	    (hw->flush != MMU_FLUSH_NONE || hw->reload_root || hw->root != last->root ||
	     hw->filter_present != last->filter_present || hw->filter_user != last->filter_user ||
	     hw->exit_invlpg != last->exit_invlpg))
		sim_fail(s, "the hardware is to change, and is not told that it is due");
	if (hw->root != last->root && !hw->reload_root)
		sim_fail(s, "the root has changed, and is not to be loaded");
	s->v.hw.due = false;
	s->last_hw = *hw;
}

static void enter(struct sim *s)
{
	check_due(s);
	if (s->v.hw.flush == MMU_FLUSH_ALL || !s->config.vpid)
		hw_flush_all(&s->hw);
	else if (s->v.hw.flush == MMU_FLUSH_GVA)
		hw_flush_gva(&s->hw, s->v.hw.flush_gva);
	s->v.hw.flush = MMU_FLUSH_NONE;
	hw_load_root(&s->hw, s->v.hw.root, s->v.hw.reload_root);
	s->v.hw.reload_root = false;
	if (s->hw.error)
		sim_fail(s, "%s (root %lx)", s->hw.error, s->v.hw.root);
	s->filter = s->v.hw.filter_user      ? SIM_FILTER_USER
		    : s->v.hw.filter_present ? SIM_FILTER_PRESENT
					     : SIM_FILTER_ALL;
	if (s->filter != SIM_FILTER_ALL && !s->config.bypass)
		sim_fail(s, "the filter is on with bypass off");
	if (s->filter == SIM_FILTER_USER && s->config.user_filter == MMU_USER_NEVER)
		sim_fail(s, "the user filter is on, and should not");
	s->stats.user_entries += s->filter == SIM_FILTER_USER;
}

void sim_left(struct sim *s)
{
	if (!s->lent)
		mmu_take_back(&s->v);
}

void sim_resume(struct sim *s)
{
	s->stats.exits++;
	judge_changes(s);
	enter(s);
	if (s->audit_each)
		sim_check(s);
}

/* The hardware's registers: CR0.WP is always set, there is always paging, PAE unless LMA. */
static void set_hw(struct sim *s)
{
	struct ref_cpu *hw = &s->hw.cpu;
	const struct ref_cpu *guest = &s->guest;

	*hw = *guest;
	hw->amd = s->config.features.amd;
	hw->supervisor_keys = s->config.supervisor_keys;
	hw->wp = true;
	s->hw.pdptes_loaded = false;
	hw->mode = guest->mode >= REF_4LEVEL ? guest->mode : REF_PAE;
	hw->smep = guest->smep && guest->mode != REF_OFF;
	hw->smap = guest->smap && guest->mode != REF_OFF;
	/* A supervisor page made of a user's (WP=0) needs XD where SMEP counts; the I bit shows anyway. */
	hw->nxe = (guest->nxe && guest->mode >= REF_PAE) || (hw->smep && guest->nx);
}

static void set_guest(struct sim *s, const struct paging_regs *regs)
{
	s->regs = *regs;
	ref_set_regs(&s->guest, regs->cr0, regs->cr3, regs->cr4, regs->efer);
	memcpy(s->guest.pdpte, regs->pdpte, sizeof(regs->pdpte));
}

/* SDM vol. 3A 4.4.1, and the MMU's own opinion of it. */
static int load_pdptes(struct sim *s, struct paging_regs *regs)
{
	struct ref_cpu cpu = s->guest;
	u64 mine[4], at = regs->cr3 & 0xffffffe0;
	int bad = 0;

	ref_set_regs(&cpu, regs->cr0, regs->cr3, regs->cr4, regs->efer);
	for (int i = 0; i < 4; i++) {
		regs->pdpte[i] = sim_read(at + 8 * i, 8);
		if (ref_pdpte_bad(&cpu, regs->pdpte[i]))
			bad = -1;
	}
	s->calm = true;
	if (guest_read_pdptes(&s->paging, regs->cr3, mine) != bad)
		sim_fail(s, "guest_read_pdptes(%lx) does not return %d", regs->cr3, bad);
	if (!bad && memcmp(mine, regs->pdpte, sizeof(mine)))
		sim_fail(s, "guest_read_pdptes(%lx) read something else", regs->cr3);
	s->calm = false;
	return bad;
}

int sim_set_regs(struct sim *s, u64 cr0, u64 cr3, u64 cr4, u64 efer, bool flush)
{
	struct paging_regs regs = s->regs;
	u64 cr0_changed = regs.cr0 ^ cr0, cr4_changed = regs.cr4 ^ cr4;
	struct ref_cpu now = s->guest;

	flush |= regs.cr3 != cr3 || cr0_changed & CR0_PG_BIT || cr4_changed & CR4_FLUSHING ||
		 cr4_changed & cr4 & CR4_SMEP_BIT || regs.efer != efer;
	sim_trace(s, "set cr0=%lx cr3=%lx cr4=%lx efer=%lx%s", cr0, cr3, cr4, efer,
		  flush ? ", flushes" : "");
	regs.cr0 = cr0;
	regs.cr3 = cr3;
	regs.cr4 = cr4;
	regs.efer = efer;
	ref_set_regs(&now, cr0, cr3, cr4, efer);
	if (now.mode == REF_PAE && (flush || cr4_changed & CR4_SMEP_BIT) && load_pdptes(s, &regs))
		return -1;
	set_guest(s, &regs);
	set_hw(s);
	if (flush)
		gt_flush_all(&s->tlb);
	sim_left(s);
	mmu_set_regs(&s->v, &regs);
	sim_resume(s);
	settle_devices(s, flush);
	return 0;
}

int sim_set_cr3(struct sim *s, u64 cr3)
{
	struct paging_regs regs = s->regs;

	sim_trace(s, "mov cr3, %lx", cr3);
	regs.cr3 = regs.cr4 & CR4_PCIDE ? cr3 & ~CR3_NOFLUSH : cr3;
	if (s->guest.mode == REF_PAE && load_pdptes(s, &regs))
		return -1;
	set_guest(s, &regs);
	gt_flush_all(&s->tlb);
	sim_left(s);
	memcpy(s->v.regs.pdpte, regs.pdpte, sizeof(regs.pdpte));
	if (one_in(s->r, 8) || !straight_cr3(s, cr3, regs.cr3))
		mmu_set_cr3(&s->v, regs.cr3);
	if (s->v.regs.cr3 != regs.cr3)
		sim_fail(s, "CR3 reads %lx, not %lx", s->v.regs.cr3, regs.cr3);
	sim_resume(s);
	settle_devices(s, true);
	return 0;
}

void sim_invlpg(struct sim *s, u64 gva)
{
	bool exits = s->v.hw.exit_invlpg || one_in(s->r, 8);

	sim_trace(s, "invlpg %lx%s", gva, exits ? ", exits" : "");
	if (exits) {
		sim_left(s);
		if (!straight_invlpg(s, gva))
			mmu_invlpg(&s->v, gva);
	} else {
		hw_invlpg(&s->hw, gva);
		s->stats.invlpg_native++;
	}
	gt_invlpg(&s->tlb, gva);
	if (exits)
		sim_resume(s);
}

void sim_invpcid(struct sim *s, u32 type, u64 gva)
{
	sim_trace(s, "invpcid %u %lx", type, gva);
	sim_left(s);
	if (type == 0) {
		mmu_invlpg(&s->v, gva);
		gt_invlpg(&s->tlb, gva);
	} else {
		mmu_set_cr3(&s->v, s->v.regs.cr3);
		gt_flush_all(&s->tlb);
	}
	sim_resume(s);
	settle_devices(s, type != 0);
}
