/* SPDX-License-Identifier: MIT */
/*
 * The guest's CR0.WP=0: a supervisor may write what the tables only let it read, while the hardware runs
 * with WP=1. All that is special about it is here and in wp0.c, but for the calls.
 *
 * W, U: what all entries on the guest's way to a page grant; D is set. Shadow links grant W always, and
 * the leaf has what is left to say.
 *
 *   guest    | shadow leaf    | who may not, though the guest's CPU would let it
 *   U=0 W=0  | U=0 W=1        | nobody
 *   U=0 W=1  | U=0 W=1        | nobody
 *   U=1 W=1  | U=1 W=1        | with keys: a supervisor's write that a key's WD forbids under WP=1 alone
 *   U=1 W=0  | U=1 W=0        | a supervisor's write. It faults, and the page is turned:
 *            | U=0 W=1 [NX=1] | a user's access, the supervisor's fetch. It faults, and is turned back
 *
 * NX=1 where the guest has SMEP: the supervisor may not execute a user's page. A turned page is the
 * supervisor's in the hardware's eyes, so neither SMAP nor keys hold for it; nor SMEP, where the CPU has
 * no NX. Where the guest has one of these (role.strict) no page is turned: the write is MMU_WP0_WRITE,
 * and the user emulates it; or, where it cannot, has the page turned for that one instruction, with
 * every page fault exiting: it is lent.
 */
#ifndef MM_SHADOW_WP0_H
#define MM_SHADOW_WP0_H

#include "mm/shadow/tables.h"

/* The role's bits, at the root and at each step down. */
static inline void wp0_role(union role *role, const struct mmu_vcpu *v)
{
	u64 cr4 = v->regs.cr4;
	bool nx = v->mmu->guest->features.nx;

	if (v->regs.cr0 & CR0_WP)
		return;
	role->wp0 = 1;
	role->inherited_w = 1;
	role->inherited_u = 1;
	role->smep = (cr4 & CR4_SMEP) && nx;
	role->strict = (cr4 & CR4_SMAP) || ((cr4 & CR4_PKE) && v->mode >= PAGING_4LEVEL) ||
		       ((cr4 & CR4_SMEP) && !nx);
}

static inline void wp0_inherit(union role *role, u64 gpte)
{
	role->inherited_w = role->inherited_w && (gpte & PTE_W);
	role->inherited_u = role->inherited_u && (gpte & PTE_U);
}

/* What an entry grants by itself. */
static ALWAYS_INLINE u64 granted(union role role, u64 gpte)
{
	return gpte & (role.format == GPTE_32 ? PTE_W | PTE_U : PTE_RIGHTS);
}

/*
 * What is granted, read-only while D is clear: W is bit 1 and D bit 6, so that no branch is needed where every
 * entry of a table is looked at.
 */
static ALWAYS_INLINE u64 without_dirty(u64 rights, u64 gpte)
{
	return rights & (gpte >> 5 | ~PTE_W);
}

/* The rights of a leaf. supervisor_write: as they are when the page is turned. */
static ALWAYS_INLINE u64 leaf_rights(union role role, u64 gpte, bool supervisor_write)
{
	bool user = role.inherited_u && (gpte & PTE_U), write = role.inherited_w && (gpte & PTE_W);
	u64 rights = granted(role, gpte);

	if (role.wp0 && (write || !user))
		rights |= PTE_W;
	else if (role.wp0 && !supervisor_write)
		rights &= ~PTE_W;
	else if (role.wp0)
		rights = (rights & ~PTE_U) | PTE_W | (role.smep ? PTE_NX : 0);
	return without_dirty(rights, gpte);
}

/*
 * SPTE_NARROWED, where the guest's leaf lets users write, as far as it says, and is not dirty. W is bit 1, U bit
 * 2 and D bit 6: no branch, as above.
 */
static ALWAYS_INLINE u64 leaf_narrow(union role role, u64 gpte)
{
	return role.wp0 ? 0 : gpte << 10 & gpte << 9 & ~(gpte << 5) & SPTE_NARROWED;
}

/* A leaf's key. They are for user pages; Bochs applies that of a supervisor's as well, so that has none. */
static ALWAYS_INLINE u64 leaf_key(u64 entry, u64 rights)
{
	return rights & PTE_U ? entry & PTE_PK : 0;
}

/* The rights that this access needs, as far as the guest allows it. */
static inline u64 wp0_needed(union role role, u64 gpte, const struct mmu_fault *fault)
{
	u64 rights = leaf_rights(role, gpte, (fault->pfec & (PFEC_W | PFEC_U)) == PFEC_W);

	/* A key, of a user's page, forbids this supervisor no write; the hardware's WP=1 says it does. */
	if ((fault->pfec & (PFEC_W | PFEC_U | PFEC_PK)) == (PFEC_W | PFEC_PK) && (rights & PTE_U))
		rights = (rights & ~PTE_U) | (role.smep ? PTE_NX : 0);
	return rights;
}

/*
 * *spte, a leaf that the guest's entry asks for, as this access needs it. False, with *spte as it was, where
 * the page may not be turned, and that is not enough.
 */
static inline bool wp0_turn(struct mmu_vcpu *v, slot_t slot, u64 gpte,
			    const struct mmu_fault *fault, bool lend, u64 *spte)
{
	union role role = shadow_at(v->mmu, slot)->role;
	u64 rights = wp0_needed(role, gpte, fault);

	if (role.strict && !lend)
		return (*spte & PTE_RIGHTS) == rights;
	*spte = (*spte & ~(PTE_RIGHTS | PTE_PK)) | rights | leaf_key(*spte, rights);
	if (role.strict) {
		v->lent[v->nr_lent++] = slot;
		*spte |= SPTE_LENT;
	}
	return true;
}

#endif
