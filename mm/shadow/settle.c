/* SPDX-License-Identifier: MIT */
/* The one end of every call of mmu.h that changes anything: nothing is left that the guest may not see. */
#include "mm/shadow/settle.h"

void settle(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;

	if (unlikely(m->relinked))
		refresh_all(v);
	/* What the guest has unlinked and nobody took up again, as much as one exit may drop. */
	while (unlikely(m->orphans.first) && may_work(m))
		shadow_zap(v, m->orphans.first, true);
	if (unlikely(m->soft_queue))
		soft_tell(m);
	m->in_operation = false;
	v->hw.due = true;
	v->hw.exit_invlpg = m->nr_unsync || m->ask_invlpg;
	/* Invariant 15. */
	v->hw.filter_present = m->bypass && !m->upper_unsync && !m->soft_queue &&
			       !m->shadows[v->root].soft && !v->nr_lent;
}
