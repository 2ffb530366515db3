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

/* An entry of an upper table that names a frame nobody has made a table of: a trap, whatever else it says. */
static ALWAYS_INLINE bool leads_nowhere(const struct mmu *m, u64 gpte)
{
	u64 gfn = spte_gfn(gpte);

	return (gpte & (PTE_P | PTE_PS)) == PTE_P && gfn < m->nr_frames && !m->frames[gfn].state;
}

/*
 * A line where nothing is present in the shadow, as in a new table, of level 1 with CR0.WP=1, and 64 bits. Traps are not
 * counted.
 */
static ALWAYS_INLINE void fresh_line_sync(struct mmu_vcpu *v, struct pass *p, struct shadow *s,
					  slot_t first)
{
	struct mmu *m = v->mmu;
	u64 judged = p->r.judged[0], *line = spte_at(m, first);
	u64 trap = p->r.trap, empty = p->r.empty;
	const volatile u64 *guest = p->guest + slot_entry(first);
	u32 made = 0, odd = 0;

	s->lines |= line_bit(first);
	s->live |= line_bit(first);
	for (u32 k = 0; k < LINE_ENTRIES; k++) {
		u64 gpte = guest[k], spte;

		if ((gpte & judged) != (PTE_P | PTE_A)) {
			line[k] = gpte & PTE_P ? trap : empty;
			continue;
		}
		spte = plain_leaf(gpte);
		if (likely(leaf_add(m, s, first + k, spte)))
			made++;
		else
			odd += follow(v, first + k,
				      (struct spte_want){.spte = spte, .present = true});
	}
	s->present += made;
	p->changed += made + odd;
	p->work += 1 + made + odd;
	p->filled += made;
}

/* pass.c. An entry of an upper table that is not present becomes what is wanted. True when it is present now. */
bool bare_entry_put(struct mmu_vcpu *v, slot_t slot, struct spte_want want);

#endif
