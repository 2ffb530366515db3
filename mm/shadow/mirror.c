/* SPDX-License-Identifier: MIT */
/*
 * What a guest entry asks of the shadow entry that mirrors it.
 *
 * A shadow table mirrors one guest table entry by entry (invariant 5). Leaves are read-only until
 * the guest's D bit is set, and while the page they map is a tracked table.
 */
#include "mm/shadow/mirror.h"

struct spte_want wanted_upper(const struct mmu *m, union role role, u64 gpte, u32 i)
{
	struct spte_want want = {.spte = PTE_P, .present = true};
	u64 attributes = PTE_PWT | PTE_PCD | PTE_PAT_LARGE | PTE_G, gfn;

	if (!gpte_is_leaf(role.format, role.level, gpte, role.pse)) {
		want.spte |= PTE_A | granted(role, gpte) | (role.wp0 ? PTE_W : 0);
		want.spte |= (role.format == GPTE_32 ? (u32)gpte : gpte) & PTE_ADDR;
		want.child = role;
		want.child.level--;
		want.child.quadrant = role.format == GPTE_32 ? i & 1 : 0;
		wp0_inherit(&want.child, gpte);
		return want;
	}
	gfn = gpte_leaf_addr(role.format, role.level, gpte) >> PAGE_SHIFT;
	/* A large page of 4 MiB is two of the shadow's. */
	if (role.format == GPTE_32 && role.level == 2)
		gfn += REGION_FRAMES * (i & 1);
	want.spte |= gfn << PAGE_SHIFT | leaf_rights(role, gpte, false);
	/* With WP=0 a supervisor's write may come at any time. */
	if (must_split(m, role.level, gfn, leaf_rights(role, gpte, true))) {
		/* No A, as a leaf: it tells flood.c whether the CPU has used the entry. */
		want.child = direct_role(role, gpte, role.level - 1, want.spte);
		/* As of a leaf that is not dirty: users may write the parts, and these have no marks of their own. */
		want.spte |= leaf_narrow(role, gpte & ~PTE_D);
		return want;
	}
	want.spte |= (gpte & attributes) | PTE_PS | leaf_narrow(role, gpte);
	want.spte |= role.format == GPTE_64 ? leaf_key(gpte, want.spte) : 0;
	return want;
}

struct spte_want spte_wanted(const struct mmu *m, union role role, bool synced, u64 gpte, u32 i)
{
	struct rules r = rules_of(m, role, synced);

	return wanted(m, &r, gpte, i);
}

u32 child_ahead(const struct mmu *m, struct spte_want want)
{
	u32 child = shadow_find(m, spte_gfn(want.spte), want.child);

	/* Not one that lags behind: shadow_get(); nor in the place of a link that was asked for. */
	return child && !m->shadows[child].stale && may_have_parent(m, child) ? child : 0;
}

/* The same, or the one that is linked already. */
static u32 child_at_hand(const struct mmu *m, slot_t slot, struct spte_want want)
{
	u32 child = linked_child(m, slot, want);

	return child ? child : child_ahead(m, want);
}

/* follow(), in line for entry_sync(), which is part of each write to a table. */
static ALWAYS_INLINE bool put_wanted(struct mmu_vcpu *v, slot_t slot, struct spte_want want)
{
	return spte_set(v, slot, want, want.child.word ? child_at_hand(v->mmu, slot, want) : 0,
			false);
}

bool follow(struct mmu_vcpu *v, slot_t slot, struct spte_want want)
{
	return put_wanted(v, slot, want);
}

bool entry_sync(struct mmu_vcpu *v, slot_t slot)
{
	const struct mmu *m = v->mmu;
	struct shadow *s = shadow_at(m, slot);
	u64 gpte = gpte_read(s->gfn, s->role.format, guest_index(s->role, slot_entry(slot)));
	bool synced = !table_is_unsync(m, slot_table(slot));
	struct spte_want want;

	if (!synced)
		copy_forget(s, slot);
	if (likely(is_common(s->role)) && !m->soft_traps)
		return common_sync(v, s, slot, gpte, empty_entry(m, s->role, synced));
	want = slot_wanted(m, slot, gpte);
	return !spte_holds(*spte_at(m, slot), want) && put_wanted(v, slot, want);
}
