/* SPDX-License-Identifier: MIT */
/*
 * Which faults the hardware may let go to the guest: invariants 15 and 21 (settle.h).
 *
 * filter_present: those with P=0. filter_user: a user's with RSVD=0, whatever P is; a supervisor's all exit.
 *
 * Where both may be, the better one is found by what the other would have saved: a user's own protection
 * fault exits under the first, as after a fork, when pages are copied; a supervisor's own fault on a page that is
 * not there under the second, as when a kernel reads a file into fresh memory. What one filter lets through
 * nobody sees, so only the exits that it costs can tell. After some of them the other has its turn: in the long
 * run that takes at most twice the exits of the better one.
 *
 * The choice is a virtual CPU's, not an address space's: with page-table isolation a process has two roots, of
 * which the kernel's alone makes a supervisor's faults. Each with the filter that is best for it, every way into
 * the kernel and back would change the filter, and to change it costs more than it saves there.
 */
#include "mm/shadow/settle.h"

/* Exits that the other filter would have saved, after which it has its turn. */
#define PAID_MAX 4

void filter_paid(struct mmu_vcpu *v, u32 pfec)
{
	bool user = v->filter.user;
	u32 saved = user ? 0 : PFEC_P | PFEC_U;

	/* While what is chosen may not be, nothing is paid for it. */
	if (v->mmu->user_filter != MMU_USER_AUTO || !v->hw.filter_present ||
	    v->hw.filter_user != user || (pfec & (PFEC_P | PFEC_U | PFEC_RSVD)) != saved)
		return;
	if (++v->filter.paid == PAID_MAX) {
		v->filter = (struct mmu_filter){.user = !user};
		forget_recent(v->mmu);
	}
}
