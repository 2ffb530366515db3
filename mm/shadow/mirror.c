/* SPDX-License-Identifier: MIT */
/*
 * What a guest entry asks of the shadow entry that mirrors it.
 *
 * A shadow table mirrors one guest table entry by entry (invariant 5). Leaves are read-only until
 * the guest's D bit is set, and while the page they map is a tracked table.
 */
#include "mm/shadow/entry.h"

/* A present, usable guest entry at any level, of any format. i: its shadow's place. */
static struct spte_want wanted_present(const struct mmu *m, union role role, u64 gpte, u32 i)
{
	struct spte_want want = {.spte = PTE_P, .present = true};
	u64 attributes = PTE_PWT | PTE_PCD | PTE_G, gfn;
	bool users_write;

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
	users_write = !role.wp0 && (gpte & (PTE_U | PTE_W)) == (PTE_U | PTE_W);
	/* With WP=0 a supervisor's write may come at any time. */
	if (role.level > 1 && must_split(m, role.level, gfn, leaf_rights(role, gpte, true))) {
		/* No A, as a leaf: it tells flood.c whether the CPU has used the entry. */
		want.child = direct_role(role, gpte, role.level - 1);
		want.spte |= users_write ? SPTE_NARROWED : 0;
		return want;
	}
	want.spte |= users_write && !(gpte & PTE_D) ? SPTE_NARROWED : 0;
	attributes |= role.level == 1 ? PTE_PAT : PTE_PAT_LARGE;
	attributes |= role.format == GPTE_64 ? PTE_PK : 0;
	want.spte |= (gpte & attributes) | (role.level > 1 ? PTE_PS : 0);
	return want;
}

/*
 * A leaf at level 1 with CR0.WP=1, by far the most frequent: the same as wanted_present() makes of it. Its
 * bits are the shadow's own in every format.
 */
static ALWAYS_INLINE u64 plain_leaf(u64 gpte)
{
	u64 keep = PTE_P | PTE_U | PTE_PWT | PTE_PCD | PTE_PAT | PTE_G | PTE_ADDR | PTE_PK | PTE_NX;

	if (likely((gpte & (PTE_W | PTE_D)) != PTE_W))
		return gpte & (keep | PTE_W);
	return (gpte & keep) | (gpte & PTE_U ? SPTE_NARROWED : 0);
}

/* What a role decides for all entries of a table. */
struct rules {
	union role role;
	bool plain;     /* see plain_leaf() */
	u64 empty;      /* for a guest entry that is not present */
	const u64 *bad; /* reserved bits, by PS */
};

static ALWAYS_INLINE struct rules rules_of(const struct mmu *m, union role role, u64 empty)
{
	return (struct rules){
		.role = role,
		.plain = role.level == 1 && !role.wp0,
		.empty = empty,
		.bad = m->guest->reserved[gpte_kind(role.format, role.nxe, role.pse)][role.level],
	};
}

static ALWAYS_INLINE struct spte_want wanted(const struct mmu *m, const struct rules *r, u64 gpte,
					     u32 i)
{
	if (!(gpte & PTE_P))
		return (struct spte_want){.spte = r->empty};
	if (!(gpte & PTE_A) || (gpte & r->bad[!!(gpte & PTE_PS)]))
		return (struct spte_want){.spte = trap_entry(m, r->role)};
	if (r->plain)
		return (struct spte_want){.spte = plain_leaf(gpte), .present = true};
	return wanted_present(m, r->role, gpte, i);
}

struct spte_want spte_wanted(const struct mmu *m, union role role, u64 empty, u64 gpte, u32 i)
{
	struct rules r = rules_of(m, role, empty);

	return wanted(m, &r, gpte, i);
}

/* What stands for a guest entry that is not present: invariant 1. */
static u64 empty_entry(const struct mmu *m, const struct shadow *s)
{
	return m->bypass && !(frame_of(m, s->gfn)->state & FRAME_UNSYNC) ? SPTE_NOTRAP
									 : trap_entry(m, s->role);
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
	u64 empty = gpte & PTE_P ? 0 : empty_entry(m, s);
	struct spte_want want = spte_wanted(m, s->role, empty, gpte, slot_entry(slot));

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
 * narrow: the guest's entries have 32 bits. Two loops in the image, since each entry costs in them.
 * *made: entries that were taken out of lists, or put in, though they may say the same as before.
 * Most entries are empty, or plain leaves that hold: these come first.
 */
static ALWAYS_INLINE u32 sync_entries(struct mmu_vcpu *v, u32 index, bool narrow, u32 *made)
{
	struct mmu *m = v->mmu;
	const struct shadow *s = &m->shadows[index];
	const struct rules r = rules_of(m, s->role, empty_entry(m, s));
	const volatile void *guest = phys_ptr(s->gfn << PAGE_SHIFT);
	u64 *table = table_of(m, index), trap_bits = m->trap_bits;
	/* At level 1 they do not depend on PS. */
	u64 good = PTE_P | PTE_A, judged = good | r.bad[0];
	/* As guest_index() has it. */
	u32 first = guest_index(r.role, 0), half = r.role.level > 1;
	u32 changed = 0;

	for (u32 i = 0; i < SPT_ENTRIES; i++) {
		u64 gpte = narrow ? ((const volatile u32 *)guest)[first + (i >> half)]
				  : ((const volatile u64 *)guest)[i];
		u64 old = table[i];
		struct spte_want want;
		bool was;

		if (!(gpte & PTE_P)) {
			if (old == r.empty)
				continue;
			if (spte_is_present(old, trap_bits)) {
				entry_drop(m, slot_make(index, i), true);
				++*made;
				changed++;
			}
			entry_put_at(m, index, &table[i], r.empty);
			continue;
		}
		if (r.plain && (gpte & judged) == good && leaf_says(old) == plain_leaf(gpte))
			continue;
		want = wanted(m, &r, gpte, i);
		if (spte_holds(old, want))
			continue;
		was = spte_is_present(old, trap_bits);
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
		changed = sync_entries(v, index, true, &made);
	else
		changed = sync_entries(v, index, false, &made);
	s->synced = m->operations;
	m->work += WORK_TABLE + made;
	return changed;
}
