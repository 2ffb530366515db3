/* SPDX-License-Identifier: MIT */
/* The one end of every call of mmu.h that changes anything: nothing is left that the guest may not see. */
#include "mm/shadow/settle.h"

/*
 * What has come into reach is brought up to date; the tables that the guest has unlinked and nobody took
 * up again are dropped, no more than one exit may: the others wait for a later one.
 */
static void put_right(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;

	if (m->relinked)
		refresh_all(v);
	while (m->orphans.first && may_work(m))
		shadow_zap(v, m->orphans.first, true);
	if (unlikely(m->soft_queue))
		soft_tell(m);
}

void settle(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;

	if (unlikely(m->orphans.first || m->relinked || m->soft_queue))
		put_right(v);
	m->in_operation = false;
	v->hw.due = true;
	v->hw.exit_invlpg = m->nr_unsync != 0;
	/* Invariant 15. */
	v->hw.filter_present = m->bypass && !m->upper_unsync && !m->soft_queue &&
			       !m->shadows[v->root].soft && !v->nr_lent;
}
