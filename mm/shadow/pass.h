/* SPDX-License-Identifier: MIT */
/* What passes over whole tables share: pass.c, fill.c. */
#ifndef MM_SHADOW_PASS_H
#define MM_SHADOW_PASS_H

#include "mm/shadow/lines.h"
#include "mm/shadow/mirror.h"

/* A pass of table_sync(), or table_fill(). */
struct pass {
	struct rules r;
	const u64 *guest;
	const u64 *copy;
	u64 copied;  /* lines that may be as the copy has them */
	u32 same;    /* groups that are as the copy has them */
	u32 changed; /* entries that map something else now */
	u32 work;    /* as mmu.work */
	u32 filled;  /* leaves that were filled ahead, but for those that follow() counts */
};

static ALWAYS_INLINE struct pass pass_of(const struct mmu *m, u32 index)
{
	const struct shadow *s = &m->shadows[index];

	return (struct pass){
		.r = rules_of(m, s->role, !table_is_unsync(m, index)),
		.guest = phys_ptr(s->gfn << PAGE_SHIFT),
	};
}

/*
 * pass.c. quick_add() of what is mapped elsewhere too, or is a table. False, with nothing done, for what is no ordinary
 * RAM.
 */
bool leaf_add(struct mmu *m, slot_t slot, u64 spte);

/* pass.c. fresh_entry_sync() of what quick_add() does not do. */
u32 odd_entry_sync(struct mmu_vcpu *v, struct pass *p, slot_t slot, u64 spte);

/* One entry of a line that has nothing present. 1 when fresh_line_sync() has no new leaf to count. */
static ALWAYS_INLINE u32 fresh_entry_sync(struct mmu_vcpu *v, struct pass *p,
					  const struct places *at, const volatile u64 *guest, u32 k,
					  u64 judged)
{
	u64 gpte = guest[k], spte;

	if ((gpte & judged) != (PTE_P | PTE_A)) {
		at->line[k] = gpte & PTE_P ? p->r.trap : p->r.empty;
		return 1;
	}
	spte = plain_leaf(gpte);
	return likely(quick_add(at, k, spte)) ? 0 : odd_entry_sync(v, p, at->first + k, spte);
}

/*
 * A line where nothing is present in the shadow, as in a new table, of level 1 with CR0.WP=1, and 64 bits. Traps are
 * not counted.
 */
static ALWAYS_INLINE void fresh_line_sync(struct mmu_vcpu *v, struct pass *p, struct shadow *s,
					  slot_t first)
{
	const struct places at = places_of(v->mmu, first);
	const volatile u64 *guest = p->guest + slot_entry(first);
	u64 judged = p->r.judged[0];
	u32 made = LINE_ENTRIES;

	s->lines |= line_bit(first);
	s->live |= line_bit(first);
	UNROLL_LINE
	for (u32 k = 0; k < LINE_ENTRIES; k++)
		made -= fresh_entry_sync(v, p, &at, guest, k, judged);
	s->present += made;
	p->changed += made;
	p->work += 1 + made;
	p->filled += made;
}

/*
 * An entry of an upper table, present, that names a frame nobody has made a table of: a trap, whatever else it says. A
 * kernel may have a hundred such in each root.
 */
static ALWAYS_INLINE bool leads_nowhere(const struct mmu *m, u64 gpte)
{
	u64 gfn = spte_gfn(gpte);

	return !(gpte & PTE_PS) && gfn < m->nr_frames && !m->frames[gfn].state;
}

/*
 * pass.c. entry_sync() of an entry of 64 bits in an upper table, which is present in the guest's and not in the shadow's,
 * and leads somewhere. Traps are not counted. True when it is present now.
 */
bool bare_entry_sync(struct mmu_vcpu *v, slot_t slot, u64 gpte);

#endif
