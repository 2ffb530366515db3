/* SPDX-License-Identifier: MIT */
/*
 * Soft traps: entries that have to trap, at a level where no present encoding is proved. They fault
 * like not-present entries, so while one can be reached from an address space's root, the filter has
 * to let every fault exit there. With reserved address bits there are none; with structural traps
 * alone, leaves are soft, and tables are filled eagerly so that few need one.
 *
 * shadow.soft counts a table's soft entries, and its links to tables whose own count is not zero. It
 * knows nothing of links that are gone, and may still be cached: each that goes asks for a flush.
 */
#include "mm/mmu_internal.h"

/* A table's count left zero, or came back to it: its parents' counts follow. */
static void soft_tell_parents(struct mmu *m, u32 index, void (*tell)(struct mmu *m, u32 parent))
{
	for (slot_t at = m->shadows[index].parents; at; at = m->links[at].next)
		tell(m, at >> 9);
}

static void soft_add(struct mmu *m, u32 index)
{
	if (m->shadows[index].soft++ == 0)
		soft_tell_parents(m, index, soft_add);
}

static void soft_remove(struct mmu *m, u32 index)
{
	if (--m->shadows[index].soft == 0)
		soft_tell_parents(m, index, soft_remove);
}

void soft_entry(struct mmu *m, u32 index, u64 old, u64 spte)
{
	bool was = spte_is_soft(old), is = spte_is_soft(spte);

	if (is && !was)
		soft_add(m, index);
	if (was && !is)
		soft_remove(m, index);
}

void soft_link(struct mmu *m, u32 index, u32 child)
{
	if (m->shadows[child].soft)
		soft_add(m, index);
}

void soft_unlink(struct mmu *m, u32 index, u32 child)
{
	if (m->shadows[child].soft)
		soft_remove(m, index);
}

bool mmu_filter_present(const struct mmu_vcpu *v)
{
	const struct mmu *m = v->mmu;

	return m->bypass && !m->upper_unsync && !m->shadows[v->root].soft && !v->nr_lent;
}
