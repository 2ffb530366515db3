/* SPDX-License-Identifier: MIT */
/*
 * What the shadow tables alone can tell, without a walk of the guest's: the hardware has just used
 * them itself.
 */
#include "mm/shadow/settle.h"

struct found {
	u64 spte;   /* the leaf that maps an address; 0: none does */
	u64 rights; /* W and U where all the links to it have them */
	u32 table;
	int level;
};

static struct found shadow_leaf(const struct mmu_vcpu *v, u64 gva)
{
	const struct mmu *m = v->mmu;
	const u64 *table = table_of(m, v->root);
	u64 offset = (u64)m->tables - m->tables_hpa, rights = ~0ULL, spte;
	/* PDPTEs of PAE have no rights. */
	u64 all = v->root == v->pae_root ? PTE_W | PTE_U : 0;
	int level = m->shadows[v->root].role.level, shift = 12 + 9 * (level - 1);

	for (;; level--, shift -= 9, all = 0) {
		spte = table[(gva >> shift) % SPT_ENTRIES];
		if (!spte_is_link(level, spte))
			break;
		rights &= spte | all;
		table = (const u64 *)((spte & PTE_ADDR) + offset);
	}
	return (struct found){
		.spte = spte_is_present(spte, m->trap_bits) ? spte : 0,
		.rights = rights,
		.table = (u32)((table - m->tables) / SPT_ENTRIES),
		.level = level,
	};
}

/*
 * A write that failed only because its page is tracked: true, and the address in fault->gpa. False
 * when a closer look is needed.
 */
bool shortcut_table_write(const struct mmu_vcpu *v, struct mmu_fault *fault)
{
	u64 keys = CR4_SMAP | CR4_PKE, rights;
	struct found leaf;

	if ((fault->pfec & (PFEC_P | PFEC_W | PFEC_RSVD | PFEC_PK)) != (PFEC_P | PFEC_W))
		return false;
	leaf = shadow_leaf(v, fault->gva);
	if (!(leaf.spte & SPTE_PROTECTED) || !(leaf.rights & PTE_W) ||
	    v->mmu->shadows[leaf.table].role.wp0)
		return false;
	rights = leaf.rights & leaf.spte;
	if ((fault->pfec & PFEC_U) ? !(rights & PTE_U) : (rights & PTE_U) && (v->regs.cr4 & keys))
		return false;
	fault->gpa = (leaf.spte & PTE_ADDR) | (fault->gva & (PAGE_SIZE - 1));
	return true;
}

bool mmu_peek_code(const struct mmu_vcpu *v, u64 gva, u64 *hpa)
{
	struct found leaf;
	u64 offset;

	if (!v->root)
		return false;
	leaf = shadow_leaf(v, gva);
	offset = (PAGE_SIZE << 9 * (leaf.level - 1)) - 1;
	if (!leaf.spte)
		return false;
	*hpa = (leaf.spte & PTE_ADDR & ~offset) | (gva & offset);
	/* Code past RAM, in a device's memory, is not for the hypervisor to read. */
	return frame_of(v->mmu, *hpa >> PAGE_SHIFT) != NULL;
}
