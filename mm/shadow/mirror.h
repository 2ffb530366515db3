/* SPDX-License-Identifier: MIT */
/* What a guest entry asks for: the part of it that the passes over tables take in line. */
#ifndef MM_SHADOW_MIRROR_H
#define MM_SHADOW_MIRROR_H

#include "mm/shadow/leaf.h"

/* What a leaf of level 1 has of the guest's entry, beside rights and key. */
#define SMALL_LEAF (PTE_P | PTE_PWT | PTE_PCD | PTE_PAT | PTE_G | PTE_ADDR)

/*
 * A leaf at level 1, by far the most frequent entry: its bits are the shadow's own in every format, and those
 * that a format does not have are zero in an entry that is usable.
 */
static ALWAYS_INLINE u64 small_leaf(union role role, u64 gpte)
{
	u64 rights = leaf_rights(role, gpte, false);

	return (gpte & SMALL_LEAF) | rights | leaf_key(gpte, rights) | leaf_narrow(role, gpte);
}

/* The same of an entry of 64 bits with CR0.WP=1, in few instructions. */
static ALWAYS_INLINE u64 plain_leaf(u64 gpte)
{
	u64 spte = gpte & (SMALL_LEAF | PTE_RIGHTS);

	/* Most that may be written have been. */
	if (unlikely((gpte & (PTE_W | PTE_D)) == PTE_W))
		spte = (spte & ~PTE_W) | leaf_narrow((union role){0}, gpte);
	return spte | leaf_key(gpte, spte);
}

/* mirror.c: a present, usable guest entry at an upper level, of any format. i: its shadow's place. */
struct spte_want wanted_upper(const struct mmu *m, union role role, u64 gpte, u32 i);

/* The most frequent entry of an upper table: one of 64 bits with CR0.WP=1 that leads to a table. */
static ALWAYS_INLINE bool is_plain_link(union role role, u64 gpte)
{
	_Static_assert(!(GPTE_32 & (GPTE_64 | GPTE_PAE)), "it is a bit of its own");
	const union role others = {.format = GPTE_32, .wp0 = 1};

	return role.level > 1 && !((role.word & others.word) | (gpte & PTE_PS));
}

static ALWAYS_INLINE struct spte_want plain_link(union role role, u64 gpte)
{
	const union role level = {.level = 1};

	return (struct spte_want){.spte = (gpte & (PTE_ADDR | PTE_RIGHTS)) | PTE_P | PTE_A,
				  .child.word = role.word - level.word,
				  .present = true};
}

/* What a role decides for all entries of a table. */
struct rules {
	union role role;
	u64 trap;
	u64 empty;     /* empty_entry() */
	u64 judged[2]; /* by PS: judged(); invariant 3 */
};

/* P, A and the reserved bits of a guest's entry with this PS: of them it has P and A alone, or is not usable. */
static ALWAYS_INLINE u64 judged(const struct mmu *m, union role role, u32 ps)
{
	return PTE_P | PTE_A |
	       m->guest->reserved[gpte_kind(role.format, role.nxe, role.pse)][role.level][ps];
}

/* For a guest entry that is not present: invariant 1. synced: the table's frame is not out of sync. */
static ALWAYS_INLINE u64 empty_entry(const struct mmu *m, union role role, bool synced)
{
	return synced ? SPTE_NOTRAP : trap_entry(m, role);
}

static ALWAYS_INLINE struct rules rules_of(const struct mmu *m, union role role, bool synced)
{
	return (struct rules){
		.role = role,
		.trap = trap_entry(m, role),
		.empty = empty_entry(m, role, synced),
		.judged = {judged(m, role, 0), judged(m, role, 1)},
	};
}

static ALWAYS_INLINE bool is_usable(const struct rules *r, u64 gpte)
{
	return (gpte & r->judged[!!(gpte & PTE_PS)]) == (PTE_P | PTE_A);
}

/* What an entry that is not usable asks for. */
static ALWAYS_INLINE u64 unusable(const struct rules *r, u64 gpte)
{
	return gpte & PTE_P ? r->trap : r->empty;
}

static ALWAYS_INLINE struct spte_want wanted(const struct mmu *m, const struct rules *r, u64 gpte,
					     u32 i)
{
	if (!is_usable(r, gpte))
		return (struct spte_want){.spte = unusable(r, gpte)};
	if (is_plain_link(r->role, gpte))
		return plain_link(r->role, gpte);
	if (r->role.level > 1)
		return wanted_upper(m, r->role, gpte, i);
	return (struct spte_want){.spte = small_leaf(r->role, gpte), .present = true};
}

/* spte_wanted() for a slot whose table is a shadow of RAM. */
static ALWAYS_INLINE struct spte_want slot_wanted(const struct mmu *m, slot_t slot, u64 gpte)
{
	u32 index = slot_table(slot);
	struct rules r = rules_of(m, m->shadows[index].role, !table_is_unsync(m, index));

	return wanted(m, &r, gpte, slot_entry(slot));
}

/* The same for an upper table, in few instructions for the most frequent entry. */
static ALWAYS_INLINE struct spte_want upper_wanted(const struct mmu *m, const struct shadow *s,
						   slot_t slot, u64 gpte)
{
	if (likely(is_plain_link(s->role, gpte) && (gpte & s->judged) == (PTE_P | PTE_A)))
		return plain_link(s->role, gpte);
	return slot_wanted(m, slot, gpte);
}

/* The most frequent tables by far: of level 1, four levels' format, with CR0.WP=1. */
static ALWAYS_INLINE bool is_common(union role role)
{
	const union role bits = {.level = 7, .format = 3, .direct = 1, .wp0 = 1};
	const union role common = {.level = 1, .format = GPTE_64};

	return (role.word & bits.word) == common.word;
}

/* trap_entry() of such a table. */
static ALWAYS_INLINE u64 common_trap(const struct mmu *m)
{
	return m->traps.entry[SPTE_FORMAT_64][1];
}

/*
 * common_sync() in its plainest cases, where the entry changes and nothing else follows: leaf.h. False: nothing is
 * done.
 */
static ALWAYS_INLINE bool quick_sync(struct mmu_vcpu *v, struct shadow *s, slot_t slot, u64 gpte,
				     u64 empty)
{
	struct mmu *m = v->mmu;
	struct frame *f = &m->frames[spte_gfn(gpte)];

	if (!(gpte & PTE_P))
		return quick_clear(m, s, slot, empty);
	/* PS is PAT here, and decides nothing. */
	if ((gpte & s->judged) != (PTE_P | PTE_A) || spte_gfn(gpte) >= m->nr_frames || f->state ||
	    !quick_leaf(m, s, slot, plain_leaf(gpte), f))
		return false;
	count(v->counters, mmu_prefill);
	return true;
}

/*
 * entry_sync() for such a table, without soft traps, in a straight line. gpte: what the guest's entry says now. empty:
 * rules.empty.
 */
static ALWAYS_INLINE bool common_sync(struct mmu_vcpu *v, struct shadow *s, slot_t slot, u64 gpte,
				      u64 empty)
{
	struct mmu *m = v->mmu;
	u64 *entry = spte_at(m, slot), old = *entry, spte;

	/* PS is PAT here, and decides nothing. */
	if (likely((gpte & s->judged) == (PTE_P | PTE_A))) {
		spte = plain_leaf(gpte);
		if (leaf_holds(old, spte))
			return false;
		if (unlikely(!leaf_put(m, s, slot, spte)))
			return entry_install(v, slot,
					     (struct spte_want){.spte = spte, .present = true}, 0,
					     false);
		count(v->counters, mmu_prefill);
		return (old ^ *entry) & ~(PTE_A | PTE_D);
	}
	spte = gpte & PTE_P ? trap_entry(m, s->role) : empty;
	if (old == spte)
		return false;
	if (spte_is_present(old, m->trap_bits))
		leaf_drop(m, s, slot, old);
	entry_put(m, slot, spte);
	return true;
}

/* The table that a link should lead to, where it is there and may be linked ahead of any demand; or 0. */
u32 child_ahead(const struct mmu *m, struct spte_want want);

/* Put what is wanted in place, as far as that needs no new table. True when the entry changed. */
bool follow(struct mmu_vcpu *v, slot_t slot, struct spte_want want);

#endif
