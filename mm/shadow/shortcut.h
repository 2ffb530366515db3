/* SPDX-License-Identifier: MIT */
/*
 * What the shadow tables alone can tell, without a walk of the guest's: the hardware has just used
 * them itself.
 */
#ifndef MM_SHADOW_SHORTCUT_H
#define MM_SHADOW_SHORTCUT_H

#include "mm/shadow/settle.h"

struct found {
	u64 spte;   /* the entry that the way ends at: no link */
	u64 rights; /* W and U where all the links to it have them */
	const u64 *table;
	int level;
};

/* One level down; false where the way ends. all: rights that a link here does not tell of. */
static ALWAYS_INLINE bool step(const struct mmu *m, struct found *at, int level, u64 all, u64 gva)
{
	at->spte = at->table[spt_index(level, gva)];
	at->level = level;
	if (!spte_is_link(level, at->spte))
		return false;
	at->rights &= at->spte | all;
	at->table = (const u64 *)((at->spte & PTE_ADDR) + ((u64)m->tables - m->tables_hpa));
	return true;
}

/* Four levels, or five, are the frequent ones. PDPTEs of PAE have no rights. */
static ALWAYS_INLINE struct found way_to(const struct mmu_vcpu *v, u64 gva)
{
	const struct mmu *m = v->mmu;
	struct found at = {.table = table_of(m, v->root), .rights = ~0ULL};
	bool pae = v->root == v->pae_root;

	if (unlikely(v->mode < PAGING_4LEVEL)) {
		int level = m->shadows[v->root].role.level;

		while (step(m, &at, level, pae ? PTE_W | PTE_U : 0, gva)) {
			level--;
			pae = false;
		}
		return at;
	}
	if (unlikely(v->mode == PAGING_5LEVEL) && !step(m, &at, 5, 0, gva))
		return at;
	if (step(m, &at, 4, 0, gva) && step(m, &at, 3, 0, gva) && step(m, &at, 2, 0, gva))
		step(m, &at, 1, 0, gva);
	return at;
}

/* A write to what the CPU has found, and not under a key. */
static ALWAYS_INLINE bool is_plain_write(u32 pfec)
{
	return (pfec & (PFEC_P | PFEC_W | PFEC_RSVD | PFEC_PK)) == (PFEC_P | PFEC_W);
}

/*
 * With CR0.WP=1 such a write fails only because its page is tracked, or watched: SPTE_PROTECTED is in no trap.
 * False when a closer look is needed. spte: the leaf; links: W and U where all links on the way have them.
 */
static ALWAYS_INLINE bool is_protected(const struct mmu_vcpu *v, u64 spte, u64 links, u32 pfec)
{
	u64 rights = links & spte;

	if (!(spte & SPTE_PROTECTED) || !(links & PTE_W))
		return false;
	return (pfec & PFEC_U) ? rights & PTE_U
			       : !(rights & PTE_U) || !(v->regs.cr4 & (CR4_SMAP | CR4_PKE));
}

/* Where what a leaf maps is. False: not in RAM, which is the guest's alone to read. */
static ALWAYS_INLINE bool leaf_at(const struct mmu_vcpu *v, const struct found *leaf, u64 gva,
				  u64 *hpa)
{
	u64 offset = BIT(LEVEL_SHIFT(leaf->level)) - 1;

	if (!spte_is_present(leaf->spte, v->mmu->trap_bits))
		return false;
	*hpa = (leaf->spte & PTE_ADDR & ~offset) | (gva & offset);
	return frame_of(v->mmu, *hpa >> PAGE_SHIFT) != NULL;
}

#endif
