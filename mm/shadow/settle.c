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
	if (unlikely(m->reach_queue[REACH_SOFT]))
		reach_tell(m, REACH_SOFT);
	if (unlikely(m->reach_queue[REACH_NARROWED]))
		reach_tell(m, REACH_NARROWED);
	m->in_operation = false;
	say_hardware(v);
}
