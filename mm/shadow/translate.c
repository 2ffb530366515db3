/* SPDX-License-Identifier: MIT */
/* The guest's own walk, for the shadow MMU: its A and D bits are writes to tables that have shadows. */
#include "mm/shadow/settle.h"

/*
 * The A and D bits of an odd 32-bit entry are address bits of the 64-bit entry that it is half of, for
 * a shadow that was made when the frame was a table of that format.
 */
static void sync_upper_half(struct mmu_vcpu *v, u64 gfn, u32 index)
{
	struct mmu *m = v->mmu;

	if (!frame_is_tracked(frame_of(m, gfn)))
		return;
	for (u32 s = m->frames[gfn].state & FRAME_TABLES; s; s = m->shadows[s].next) {
		if (m->shadows[s].role.format != GPTE_32)
			entry_sync(v, slot_make(s, index / 2));
	}
}

void walk(struct mmu_vcpu *v, const struct mmu_fault *access, struct walk *w)
{
	bool done;

	do {
		done = guest_walk(v->mmu->guest, &v->regs, access, w);
		for (int level = 2; v->mode == PAGING_32 && level > 0; level--) {
			u32 index = gpte_index(GPTE_32, level, access->gva);

			if ((w->set & 1u << level) && (index & 1))
				sync_upper_half(v, w->table[level], index);
		}
	} while (!done);
}

int mmu_translate(struct mmu_vcpu *v, struct mmu_fault *fault, u64 *gpa)
{
	struct walk w = {.by_hardware = false};

	if (v->mode == PAGING_OFF) {
		*gpa = (u32)fault->gva;
		return 0;
	}
	op_begin(v->mmu);
	walk(v, fault, &w);
	if (w.fault) {
		/* The hardware has not seen this fault, which drops what is cached for its address. */
		resync_gva(v, fault->gva);
		need_flush_gva(v, fault->gva);
		fault->guest_pfec = w.pfec;
	} else {
		*gpa = w.gpa;
	}
	/* A bits that were set may have unlinked tables: sync_upper_half(). */
	settle(v);
	return w.fault ? -1 : 0;
}
