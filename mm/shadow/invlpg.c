/* SPDX-License-Identifier: MIT */
/* INVLPG, where it exits: while some table is out of sync, or its coming has to be seen. */
#include "mm/shadow/settle.h"

/* INVLPG exits in a row, none for a table out of sync, that are too many: then all are synced again. */
#define VAIN_INVLPG_MAX 8

void mmu_invlpg(struct mmu_vcpu *v, u64 gva)
{
	struct mmu *m = v->mmu;

	count(v->counters, invlpg);
	if (++m->invlpgs == 0)
		m->invlpgs = 1;
	m->ask_invlpg = false;
	m->work = 0;
	op_begin(m);
	need_flush_gva(v, gva);
	if (unlikely(m->upper_unsync))
		resync_all(v, true);
	if (resync_gva(v, gva))
		m->vain_invlpg = 0;
	else if (++m->vain_invlpg >= VAIN_INVLPG_MAX)
		resync_some(v);
	settle(v);
}
