/* SPDX-License-Identifier: MIT */
/*
 * What the shadow tables alone can tell, without a walk of the guest's: the hardware has just used
 * them itself.
 */
#include "mm/mmu_internal.h"

/*
 * The leaf that maps an address, and the rights of the links to it: W and U where all have them.
 * 0 when no leaf does.
 */
static u64 shadow_leaf(const struct mmu_vcpu *v, u64 gva, u64 *rights, int *level, u32 *table)
{
	const struct mmu *m = v->mmu;
	u64 spte;

	*table = v->root;
	*level = m->shadows[v->root].role.level;
	*rights = ~0ULL;
	for (;; --*level) {
		spte = table_of(m, *table)[spt_index(*level, gva)];
		if (!spte_is_link(*level, spte))
			break;
		/* PDPTEs of PAE have no rights. */
		if (*table != v->pae_root)
			*rights &= spte;
		*table = spte_child(m, spte);
	}
	return spte_is_present(spte, m->ones) ? spte : 0;
}

/*
 * A write that failed only because its page is tracked: true, and the address in fault->gpa. False
 * when a closer look is needed.
 */
bool shortcut_table_write(const struct mmu_vcpu *v, struct mmu_fault *fault)
{
	u64 keys = CR4_SMAP | CR4_PKE, spte, rights;
	u32 table;
	int level;

	if ((fault->pfec & (PFEC_P | PFEC_W | PFEC_RSVD | PFEC_PK)) != (PFEC_P | PFEC_W))
		return false;
	spte = shadow_leaf(v, fault->gva, &rights, &level, &table);
	if (!(spte & SPTE_PROTECTED) || !(rights & PTE_W) || v->mmu->shadows[table].role.wp0)
		return false;
	rights &= spte;
	if ((fault->pfec & PFEC_U) ? !(rights & PTE_U) : (rights & PTE_U) && (v->regs.cr4 & keys))
		return false;
	fault->gpa = (spte & PTE_ADDR) | (fault->gva & (PAGE_SIZE - 1));
	return true;
}

bool mmu_peek_code(const struct mmu_vcpu *v, u64 gva, u64 *hpa)
{
	u64 rights, spte, offset;
	u32 table;
	int level;

	if (!v->root)
		return false;
	spte = shadow_leaf(v, gva, &rights, &level, &table);
	if (!spte)
		return false;
	offset = (PAGE_SIZE << 9 * (level - 1)) - 1;
	*hpa = (spte & PTE_ADDR & ~offset) | (gva & offset);
	/* Code in a device's memory is not for the hypervisor to read. */
	return mmu_is_guest_ram(v->mmu, *hpa);
}
