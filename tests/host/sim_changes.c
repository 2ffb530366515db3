/* SPDX-License-Identifier: MIT */
/* What the MMU changes in the guest's memory: see sim_changes.h. */
#include "tests/host/sim_changes.h"
#include "arch/cpu.h"
#include "mm/shadow/types.h"
#include "tests/host/ref_reach.h"
#include "tests/host/sim_mem.h"

struct changes {
	u32 nr;
	struct {
		u64 gpa, old, now;
	} at[1024];
};

static void add_change(void *ctx, u64 gpa, u64 old, u64 now)
{
	struct changes *c = ctx;

	if (c->nr < ARRAY_SIZE(c->at)) {
		c->at[c->nr].gpa = gpa;
		c->at[c->nr].old = old;
		c->at[c->nr].now = now;
	}
	c->nr++;
}

/* A CPU may set A ahead of a read, in the entries of the pages that follow. */
static bool may_speculate(struct sim *s, u64 gpa, u64 set)
{
	struct ref_access a = *s->current;

	if (a.write || set != PTE_A)
		return false;
	for (u32 i = 1; i < 8; i++) {
		a.gva += PAGE_SIZE;
		if (gt_may_set(&s->tlb, &s->guest, &a, gpa, false))
			return true;
	}
	return false;
}

/*
 * With soft traps, after a fault: in the entry of any page that the guest's tables lead to now. What a device has
 * written to them is seen later.
 */
static bool may_soften(struct sim *s, u64 gpa, u64 set)
{
	return set == PTE_A && s->config.bypass && s->mmu->soft_traps &&
	       (s->inexact || ref_leads_to_page(&s->guest, gpa));
}

static void judge_entry(struct sim *s, u64 gpa, u64 old, u64 now)
{
	u64 set = now & ~old;

	if (old == now)
		return;
	if (!s->current || old & ~now || set & ~(PTE_A | PTE_D))
		sim_fail(s, "the MMU changed guest memory at %lx from %lx to %lx", gpa, old, now);
	if (!gt_may_set(&s->tlb, &s->guest, s->current, gpa, set & PTE_D) &&
	    !may_speculate(s, gpa, set) && !may_soften(s, gpa, set))
		sim_fail(s, "A or D set at %lx (%lx to %lx), but this access may not", gpa, old,
			 now);
}

void judge_changes(struct sim *s)
{
	static struct changes c;

	c.nr = 0;

	sim_mem_changes(add_change, &c);
	if (c.nr > ARRAY_SIZE(c.at))
		sim_fail(s, "the MMU changed guest memory in %u places", c.nr);
	for (u32 i = 0; i < c.nr; i++) {
		gt_changed(&s->tlb, c.at[i].gpa, c.at[i].old, c.at[i].now);
		sim_trace(s, "    MMU wrote %lx: %lx -> %lx", c.at[i].gpa, c.at[i].old,
			  c.at[i].now);
	}
	for (u32 i = 0; i < c.nr; i++) {
		u64 gpa = c.at[i].gpa, old = c.at[i].old, now = c.at[i].now;

		if (ref_entry_size(&s->guest) == 8) {
			judge_entry(s, gpa, old, now);
		} else {
			judge_entry(s, gpa, (u32)old, (u32)now);
			judge_entry(s, gpa + 4, old >> 32, now >> 32);
		}
	}
}
