/* SPDX-License-Identifier: MIT */
/* The shortest ways to a write's page, and to code. */
#include "mm/shadow/shortcut.h"

bool shortcut_table_write(const struct mmu_vcpu *v, struct mmu_fault *fault)
{
	struct found leaf;

	if (!is_plain_write(fault->pfec))
		return false;
	leaf = way_to(v, fault->gva);
	if (!is_protected(v, leaf.spte, leaf.rights, fault->pfec) ||
	    shadow_at(v->mmu, (slot_t)(leaf.table - v->mmu->tables))->role.wp0)
		return false;
	fault->gpa = (leaf.spte & PTE_ADDR) | (fault->gva & (PAGE_SIZE - 1));
	return true;
}

bool shortcut_allows_write(const struct mmu_vcpu *v, u64 gva)
{
	struct found leaf = way_to(v, gva);

	return (leaf.spte & leaf.rights & PTE_W) && spte_is_present(leaf.spte, v->mmu->trap_bits);
}

bool mmu_peek_code(const struct mmu_vcpu *v, u64 gva, u64 *hpa)
{
	struct found leaf;

	if (!v->root)
		return false;
	leaf = way_to(v, gva);
	return leaf_at(v, &leaf, gva, hpa);
}

bool mmu_peek_data(const struct mmu_vcpu *v, u64 gva, u64 *hpa)
{
	struct found leaf;

	if (!v->root || !(v->regs.cr0 & CR0_WP))
		return false;
	leaf = way_to(v, gva);
	return !(leaf.rights & leaf.spte & PTE_U) && leaf_at(v, &leaf, gva, hpa);
}
