/* SPDX-License-Identifier: MIT */
/*
 * What a guest entry asks of the shadow entry that mirrors it.
 *
 * A shadow table mirrors one guest table entry by entry (invariant 5). Leaves are read-only until
 * the guest's D bit is set, and while the page they map is a tracked table.
 */
#include "mm/shadow/entry.h"

/*
 * A leaf at level 1, by far the most frequent entry: its bits are the shadow's own in every format, and those
 * that a format does not have are zero in an entry that is usable.
 */
static ALWAYS_INLINE u64 small_leaf(union role role, u64 gpte)
{
	u64 keep = PTE_P | PTE_PWT | PTE_PCD | PTE_PAT | PTE_G | PTE_ADDR;
	u64 rights = leaf_rights(role, gpte, false);

	return (gpte & keep) | rights | leaf_key(gpte, rights);
}

/* A present, usable guest entry at an upper level, of any format. i: its shadow's place. */
static struct spte_want wanted_upper(const struct mmu *m, union role role, u64 gpte, u32 i)
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
		return want;
	}
	want.spte |= (gpte & attributes) | PTE_PS;
	want.spte |= role.format == GPTE_64 ? leaf_key(gpte, want.spte) : 0;
	return want;
}

/* What a role decides for all entries of a table. */
struct rules {
	union role role;
	u64 empty; /* for a guest entry that is not present: invariant 1 */
	/* By PS: P, A and the reserved bits. Of them only P and A may be set: invariant 3. */
	u64 judged[2];
};

static ALWAYS_INLINE struct rules rules_of(const struct mmu *m, union role role, bool synced)
{
	const u64 *bad = m->guest->reserved[gpte_kind(role.format, role.nxe, role.pse)][role.level];

	return (struct rules){
		.role = role,
		.empty = m->bypass && synced ? SPTE_NOTRAP : trap_entry(m, role),
		.judged = {PTE_P | PTE_A | bad[0], PTE_P | PTE_A | bad[1]},
	};
}

static ALWAYS_INLINE struct spte_want wanted(const struct mmu *m, const struct rules *r, u64 gpte,
					     u32 i)
{
	if ((gpte & r->judged[!!(gpte & PTE_PS)]) != (PTE_P | PTE_A))
		return (struct spte_want){.spte = gpte & PTE_P ? trap_entry(m, r->role) : r->empty};
	if (r->role.level > 1)
		return wanted_upper(m, r->role, gpte, i);
	return (struct spte_want){.spte = small_leaf(r->role, gpte), .present = true};
}

struct spte_want spte_wanted(const struct mmu *m, union role role, bool synced, u64 gpte, u32 i)
{
	struct rules r = rules_of(m, role, synced);

	return wanted(m, &r, gpte, i);
}

struct spte_want slot_wanted(const struct mmu *m, slot_t slot, u64 gpte)
{
	u32 index = slot_table(slot);

	return spte_wanted(m, m->shadows[index].role, !table_is_unsync(m, index), gpte,
			   slot_entry(slot));
}

/* The table that a link should lead to, where it is there and may be linked ahead of any demand; or 0. */
static u32 child_at_hand(const struct mmu *m, slot_t slot, struct spte_want want)
{
	u32 child = linked_child(m, slot, want);

	if (child)
		return child;
	child = shadow_find(m, spte_gfn(want.spte), want.child);
	/* Not one that lags behind: shadow_get(); nor in the place of a link that was asked for. */
	return child && !m->shadows[child].stale && may_have_parent(m, child) ? child : 0;
}

/* Put what is wanted in place, as far as that needs no new table. True when the entry changed. */
static ALWAYS_INLINE bool follow(struct mmu_vcpu *v, slot_t slot, struct spte_want want)
{
	return spte_set(v, slot, want, want.child.word ? child_at_hand(v->mmu, slot, want) : 0,
			false);
}

bool entry_sync(struct mmu_vcpu *v, slot_t slot)
{
	const struct mmu *m = v->mmu;
	const struct shadow *s = shadow_at(m, slot);
	u64 gpte = gpte_read(s->gfn, s->role.format, guest_index(s->role, slot_entry(slot)));
	struct spte_want want = slot_wanted(m, slot, gpte);

	return !spte_holds(*spte_at(m, slot), want) && follow(v, slot, want);
}

/*
 * Nothing in this table may go to the guest any more: its notrap entries become traps. all: those that are
 * present as well, so the table is right whatever the guest's says.
 */
void table_trap(struct mmu *m, u32 index, bool all)
{
	u64 *table = table_of(m, index), trap = trap_entry(m, m->shadows[index].role);

	for (u32 i = 0; all && i < SPT_ENTRIES; i++) {
		if (spte_is_present(table[i], m->trap_bits))
			entry_trap(m, slot_make(index, i));
	}
	for (u32 i = 0; i < SPT_ENTRIES; i++) {
		if (spte_is_notrap(table[i]))
			entry_put_at(m, index, &table[i], trap);
	}
}

/*
 * narrow: the guest's entries have 32 bits; plain: a table of level 1 with CR0.WP=1, for which less has to be
 * asked. A loop in the image for each, since every entry costs in them.
 * *made: entries that were taken out of lists, or put in, though they may say the same as before.
 */
static ALWAYS_INLINE u32 sync_entries(struct mmu_vcpu *v, u32 index, bool narrow, bool plain,
				      u32 *made)
{
	struct mmu *m = v->mmu;
	const struct shadow *s = &m->shadows[index];
	struct rules r = rules_of(m, s->role, !table_is_unsync(m, index));
	const volatile void *guest = phys_ptr(s->gfn << PAGE_SHIFT);
	u64 *table = table_of(m, index), trap_bits = m->trap_bits;
	/* As guest_index() has it. */
	u32 first = guest_index(r.role, 0), half = r.role.level > 1;
	u32 changed = 0;

	if (plain) {
		r.role.level = 1;
		r.role.wp0 = 0;
		r.judged[1] = r.judged[0];
	}
	for (u32 i = 0; i < SPT_ENTRIES; i++) {
		u64 gpte = narrow ? ((const volatile u32 *)guest)[first + (i >> half)]
				  : ((const volatile u64 *)guest)[i];
		struct spte_want want = wanted(m, &r, gpte, i);
		bool was;

		if (spte_holds(table[i], want))
			continue;
		was = spte_is_present(table[i], trap_bits);
		*made += was | want.present;
		changed += follow(v, slot_make(index, i), want) &&
			   (was || spte_is_present(table[i], trap_bits));
	}
	return changed;
}

u32 table_sync(struct mmu_vcpu *v, u32 index)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	u32 made = 0, changed;

	if (s->role.format == GPTE_32)
		changed = sync_entries(v, index, true, false, &made);
	else if (s->role.level == 1 && !s->role.wp0)
		changed = sync_entries(v, index, false, true, &made);
	else
		changed = sync_entries(v, index, false, false, &made);
	s->synced = m->operations;
	m->work += WORK_TABLE + made;
	return changed;
}
