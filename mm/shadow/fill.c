/* SPDX-License-Identifier: MIT */
/*
 * Tables that are new. Most of what a guest makes a table is empty: to find that out takes an instruction for each
 * entry, and all else is for what is there.
 */
#include "mm/shadow/pass.h"

/* A byte of the maps of lines. */
#define BLOCK_LINES   8
#define BLOCK_ENTRIES (BLOCK_LINES * LINE_ENTRIES)

static ALWAYS_INLINE bool block_is_empty(const u64 *block)
{
	return group_is_empty(block) && group_is_empty(block + GROUP_ENTRIES);
}

static ALWAYS_INLINE void upper_entry(struct mmu_vcpu *v, slot_t first, u64 *line, u32 k,
				      const volatile u64 *guest, u64 trap)
{
	u64 gpte = guest[k];

	if (!(gpte & PTE_P))
		return;
	if (leads_nowhere(v->mmu, gpte))
		line[k] = trap;
	else
		bare_entry_sync(v, first + k, gpte);
}

static __attribute__((noinline)) void upper_block_fill(struct mmu_vcpu *v, slot_t first,
						       const u64 *guest)
{
	struct mmu *m = v->mmu;
	struct shadow *s = shadow_at(m, first);
	u64 trap = trap_entry(m, s->role);

	for (u32 k = 0; k < BLOCK_LINES; k++, first += LINE_ENTRIES, guest += LINE_ENTRIES) {
		if (line_is_empty(guest))
			continue;
		m->work++;
		s->lines |= line_bit(first);
		UNROLL_LINE
		for (u32 i = 0; i < LINE_ENTRIES; i++)
			upper_entry(v, first, spte_at(m, first), i, guest, trap);
	}
}

static __attribute__((noinline)) void small_block_fill(struct mmu_vcpu *v, slot_t first)
{
	struct mmu *m = v->mmu;
	u32 index = slot_table(first);
	struct shadow *s = &m->shadows[index];
	struct pass p = pass_of(m, index);

	for (u32 k = 0; k < BLOCK_ENTRIES; k += LINE_ENTRIES) {
		if (!line_is_empty(p.guest + slot_entry(first) + k))
			fresh_line_sync(v, &p, s, first + k);
	}
	m->work += p.work;
	count_add(v->counters, mmu_prefill, p.filled);
}

void table_fill(struct mmu_vcpu *v, u32 index)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	const u64 *guest = phys_ptr(s->gfn << PAGE_SHIFT);
	bool upper = s->role.level > 1;

	/* Others have entries of other sizes, or some for what is empty, or count them. */
	if (s->role.format == GPTE_32 || (s->role.wp0 && !upper) || m->soft_traps ||
	    table_is_unsync(m, index)) {
		table_sync(v, index, NULL);
		return;
	}
	s->synced = m->operations;
	m->work += WORK_TABLE;
	for (u32 i = 0; i < SPT_ENTRIES; i += BLOCK_ENTRIES) {
		if (likely(block_is_empty(guest + i)))
			continue;
		if (upper)
			upper_block_fill(v, slot_make(index, i), guest + i);
		else
			small_block_fill(v, slot_make(index, i));
	}
}
