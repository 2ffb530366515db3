/* SPDX-License-Identifier: MIT */
/* What the straight ways of page faults share: straight.c, mend.c. */
#ifndef MM_SHADOW_STRAIGHT_H
#define MM_SHADOW_STRAIGHT_H

#include "mm/shadow/memo.h"

/* One operation more, a fault. */
static ALWAYS_INLINE void begin_fault(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;

	m->work = 0;
	m->clock++;
	m->operations++;
	count(v->counters, pf_taken);
}

/* What an access sets in the guest's entry of level 1. */
static ALWAYS_INLINE u64 access_sets(u32 pfec)
{
	return PTE_A | (pfec & PFEC_W ? PTE_D : 0);
}

/* Where the guest's entry of level 1 is, by v->memo.own. */
static ALWAYS_INLINE u64 own_entry(const struct mmu_vcpu *v, u64 gva)
{
	return v->memo.own.table + gpte_index(GPTE_64, 1, gva) * sizeof(u64);
}

static ALWAYS_INLINE bool is_recent(const struct mmu *m, const struct shadow *s)
{
	return m->clock - s->moved < RECENT_OPS;
}

static RARE void touch_any_way(struct mmu *m, const struct mmu_way *way)
{
	for (int i = 4; i >= 0; i--) {
		if (way->table[i])
			shadow_touch(m, (u32)(way->table[i] - m->shadows));
	}
}

/* shadow_touch() of the tables on it. */
static ALWAYS_INLINE void touch_way(struct mmu *m, const struct mmu_way *way)
{
	u32 clock = m->clock;

	if (unlikely(way->table[4] || !is_recent(m, way->table[0]) ||
		     !is_recent(m, way->table[1]) || !is_recent(m, way->table[2]) ||
		     !is_recent(m, way->table[3]))) {
		touch_any_way(m, way);
		return;
	}
	way->table[0]->stamp = clock;
	way->table[1]->stamp = clock;
	way->table[2]->stamp = clock;
	way->table[3]->stamp = clock;
}

/*
 * mend.c. What the access sets in the guest's entry of level 1 lets it be made, and the leaf follows: install(). was: the
 * entry, which lacks that.
 */
enum mmu_straight_way mend(struct mmu_vcpu *v, u64 gva, u32 pfec, u64 was);

/* The same in a table out of sync, where gpte, the guest's entry, has A and D: the table comes back. */
enum mmu_straight_way mend_unsync(struct mmu_vcpu *v, u64 gva, u64 gpte);

#endif
