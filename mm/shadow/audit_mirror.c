/* SPDX-License-Identifier: MIT */
/*
 * The audit of one entry of a synced table: it says what spte_wanted() makes of the guest's entry, a trap, or
 * less. These bits may differ, and no other: A and D, which the CPU sets; W of a leaf; the rights
 * and the key of a page that is turned, and that it is lent; the address of a hidden frame.
 */
#include "mm/shadow/audit.h"

bool audit_maps_frame(const struct mmu *m, union role role, u64 spte, u64 gfn)
{
	u64 at = (spte & PTE_ADDR) >> PAGE_SHIFT;

	if (role.level > 1)
		at = ALIGN_DOWN(at, REGION_FRAMES);
	return at == gfn || (gfn_is_hidden(m, gfn) && at << PAGE_SHIFT == m->config.hole_hpa);
}

u64 audit_attributes(int level, u64 spte)
{
	return spte & (PTE_P | PTE_PWT | PTE_PCD | PTE_G | PTE_PK | GENMASK(58, 52) |
		       (level > 1 ? PTE_PS | PTE_PAT_LARGE : PTE_PAT));
}

/*
 * Invariant 21. A user may write, as far as the guest's entry says, and the hardware faults: then the entry has
 * its mark, and no other has.
 */
static void check_mark(struct audit *a, slot_t slot, u64 spte, u64 gpte)
{
	union role role = shadow_at(a->v->mmu, slot)->role;
	bool users_write = (gpte & (PTE_U | PTE_W)) == (PTE_U | PTE_W) && !role.wp0, narrow;

	if (spte_is_link(role.level, spte))
		narrow = gpte_is_leaf(role.format, role.level, gpte, role.pse);
	else
		narrow = !(spte & PTE_W);
	audit_if(a, (users_write && narrow) != !!(spte & SPTE_NARROWED), slot,
		 "narrowed for users without a mark, or marked without (invariant 21)");
}

/* A leaf's attributes are the guest's, but that a page that is turned (wp0.h) has no key. */
static void check_attributes(struct audit *a, slot_t slot, u64 spte, u64 gpte, u64 wanted)
{
	union role role = shadow_at(a->v->mmu, slot)->role;
	u64 key = role.wp0 && (wanted & ~spte & PTE_U) ? PTE_PK : 0;

	/* Where a large page is to be split by now, what is wanted is a link. The guest's entry knows. */
	if (role.level > 1)
		wanted = PTE_P | PTE_PS | (gpte & (PTE_PWT | PTE_PCD | PTE_PAT_LARGE | PTE_G)) |
			 (role.format == GPTE_64 ? leaf_key(gpte, wanted) : 0);
	audit_if(a,
		 audit_attributes(role.level, spte) != audit_attributes(role.level, wanted & ~key),
		 slot, "a leaf has other attributes than the guest's");
}

/* A link leads to the shadow of the frame that the guest's entry names; beside rights it has A, and may be lent. */
static void check_mirror_link(struct audit *a, slot_t slot, u64 spte, u64 gpte,
			      struct spte_want want)
{
	const struct mmu *m = a->v->mmu;
	union role role = shadow_at(m, slot)->role, child_r = want.child;
	const struct shadow *child = &m->shadows[spte_child(m, spte)];

	/* A large page that was split may have become one that could be a single leaf. */
	if (gpte_is_leaf(role.format, role.level, gpte, role.pse))
		child_r = direct_role(role, gpte, role.level - 1, spte);
	audit_if(a,
		 child->gfn != spte_gfn(want.spte & ~(child_r.direct ? PTE_PAT_LARGE : 0)) ||
			 child->role.word != child_r.word,
		 slot, "a link leads to another frame or role (invariant 5)");
	audit_if(a, spte & ~(PTE_ADDR | PTE_RIGHTS | PTE_P | PTE_A | SPTE_LENT | SPTE_NARROWED),
		 slot, "a link has bits that none has");
}

/*
 * U, W and NX are those that are wanted, or what a page that is turned for a supervisor has (wp0.h); and W may
 * be missing where the guest has a leaf: the page is a table, is watched, has writable leaves enough, or was not dirty until a
 * write that was emulated.
 */
static void check_rights(struct audit *a, slot_t slot, u64 spte, u64 gpte, u64 wanted)
{
	const struct mmu *m = a->v->mmu;
	union role role = shadow_at(m, slot)->role;
	u64 may_miss = gpte_is_leaf(role.format, role.level, gpte, role.pse) ? PTE_W : 0;

	if (role.wp0 && (wanted & ~spte & PTE_U)) {
		audit_if(a, role.strict && !(spte & SPTE_LENT), slot,
			 "a user's page is the supervisor's, and not lent");
		wanted = leaf_rights(role, gpte, true) & ~PTE_U;
		wanted |= role.smep ? PTE_NX : 0;
	}
	audit_if(a, (spte ^ wanted) & PTE_RIGHTS & ~(wanted & may_miss), slot,
		 "other rights than the guest grants");
}

/* An entry against what is wanted of a guest's entry: as invariant 17 has it of a synced table. */
void audit_mirror(struct audit *a, slot_t slot, u64 spte, u64 gpte)
{
	const struct mmu *m = a->v->mmu;
	const struct shadow *s = shadow_at(m, slot);
	union role role = s->role;
	u32 i = slot_entry(slot);
	struct spte_want want = spte_wanted(m, role, true, gpte, i);
	u64 gfn;

	if (spte_is_trap(spte, m->trap_bits))
		return;
	if (spte_is_notrap(spte)) {
		audit_if(a, want.present || want.spte != SPTE_NOTRAP, slot,
			 "notrap for a present guest entry (invariant 1)");
		return;
	}
	if (audit_if(a, !want.present, slot,
		     "present for a guest entry that is not present, bad, or A=0 (invariant 3)"))
		return;
	check_rights(a, slot, spte, gpte, want.spte);
	check_mark(a, slot, spte, gpte);
	if (spte_is_link(role.level, spte)) {
		check_mirror_link(a, slot, spte, gpte, want);
		return;
	}
	gfn = spte_gfn(want.spte);
	if (role.level > 1)
		gfn = ALIGN_DOWN(gfn, REGION_FRAMES);
	audit_if(a, !audit_maps_frame(m, role, spte, gfn), slot,
		 "a leaf maps another frame than the guest's");
	check_attributes(a, slot, spte, gpte, want.spte);
}
