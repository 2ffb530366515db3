/* SPDX-License-Identifier: MIT */
/*
 * What a guest entry asks of the shadow entry that mirrors it.
 *
 * A shadow table mirrors one guest table entry by entry (invariant 5). Leaves are read-only until
 * the guest's D bit is set, and while the page they map is a tracked table.
 */
#include "mm/shadow/types.h"

union role child_role(union role parent, u64 gpte, u32 index)
{
	union role role = parent;

	role.level--;
	role.quadrant = parent.format == GPTE_32 ? index & 1 : 0;
	if (role.wp0) {
		role.inherited_w = parent.inherited_w && (gpte & PTE_W);
		role.inherited_u = parent.inherited_u && (gpte & PTE_U);
	}
	return role;
}

/*
 * The rights of a leaf. With CR0.WP=0 a supervisor may write where only reading is granted, while
 * the hardware runs with WP=1: such a page is shown either as the tables say, or, after a supervisor
 * write, as a supervisor's writable page. Whoever comes from the other side faults and turns it.
 * Where that would lift SMAP or keys (role.strict), the write is emulated instead.
 */
u64 leaf_rights(union role role, u64 gpte, bool supervisor_write)
{
	u64 rights = gpte & PTE_RIGHTS;

	if (role.format == GPTE_32)
		rights &= ~PTE_NX;
	if (role.wp0) {
		bool user = role.inherited_u && (gpte & PTE_U);
		bool write = role.inherited_w && (gpte & PTE_W);

		rights &= ~PTE_W;
		if (write || !user) {
			rights |= PTE_W;
		} else if (supervisor_write) {
			rights = (rights & ~PTE_U) | PTE_W;
			if (role.smep)
				rights |= PTE_NX;
		}
	}
	if (!(gpte & PTE_D))
		rights &= ~PTE_W;
	return rights;
}

/* The rights of a link: a guest table's, or those of a large page that is split. */
u64 entry_link_rights(union role role, u64 gpte)
{
	u64 rights = gpte & PTE_RIGHTS;

	if (gpte_is_leaf(role.format, role.level, gpte, role.pse))
		return leaf_rights(role, gpte, false);
	if (role.format == GPTE_32)
		rights &= ~PTE_NX;
	return role.wp0 ? rights | PTE_W : rights;
}

/* Memory type, global and key bits of a leaf, in the shadow's format. */
u64 leaf_attributes(union role role, u64 gpte)
{
	u64 keep = PTE_PWT | PTE_PCD | PTE_G;

	keep |= role.level == 1 ? PTE_PAT : PTE_PAT_LARGE;
	if (role.format == GPTE_64)
		keep |= PTE_PK;
	return gpte & keep;
}

/* The first frame that entry i of a shadow table maps, of the large or small leaf gpte. */
static u64 leaf_gfn(union role role, u64 gpte, u32 i)
{
	u64 gfn = gpte_leaf_addr(role.format, role.level, gpte) >> PAGE_SHIFT;

	return role.format == GPTE_32 && role.level == 2 ? gfn + 512 * (i & 1) : gfn;
}

static bool gpte_is_usable(const struct mmu *m, union role role, u64 gpte)
{
	if ((gpte & (PTE_P | PTE_A)) != (PTE_P | PTE_A))
		return false;
	return !gpte_is_bad(m, gpte_kind(role.format, role.nxe, role.pse), role.level, gpte);
}

/*
 * What a present entry leads to: the frame, and the role of a child table for it.
 * Returns false when one shadow leaf can map it, without a child.
 */
bool wanted_child(const struct mmu *m, union role role, u64 gpte, u32 i, u64 *gfn,
		  union role *child)
{
	if (gpte_is_leaf(role.format, role.level, gpte, role.pse)) {
		*gfn = leaf_gfn(role, gpte, i);
		*child = direct_role(role, gpte, role.level - 1);
		/* With WP=0 a supervisor's write may come at any time. */
		return role.level > 1 &&
		       must_split(m, role.level, *gfn, leaf_rights(role, gpte, true));
	}
	*gfn = (role.format == GPTE_32 ? (u32)gpte : gpte & PTE_ADDR) >> PAGE_SHIFT;
	*child = child_role(role, gpte, i);
	return true;
}

/* A leaf at level 1 that says just what the guest's entry says; others have to be looked at closely. */
static bool leaf_is_current(u64 spte, u64 gpte)
{
	u64 same = PTE_P | PTE_U | PTE_PWT | PTE_PCD | PTE_PAT | PTE_G | PTE_ADDR | PTE_PK | PTE_NX;
	bool writable = (gpte & (PTE_W | PTE_D)) == (PTE_W | PTE_D);

	return !((spte ^ gpte) & same) && (gpte & PTE_A) &&
	       writable == !!(spte & (PTE_W | SPTE_PROTECTED));
}

/*
 * The plain case of entry_sync(), and by far the most frequent: a usable leaf at level 1, in a format
 * whose bits are the shadow's own.
 */
static bool sync_plain_leaf(struct mmu_vcpu *v, u32 index, u32 i, u64 gpte)
{
	u64 keep = PTE_U | PTE_PWT | PTE_PCD | PTE_PAT | PTE_G | PTE_PK | PTE_NX;
	bool writable = (gpte & (PTE_W | PTE_D)) == (PTE_W | PTE_D);

	if (leaf_is_current(table_of(v->mmu, index)[i], gpte))
		return false;
	entry_drop(v->mmu, index, i);
	entry_leaf(v, index, i, (gpte & PTE_ADDR) >> PAGE_SHIFT,
		   (gpte & keep) | (writable ? PTE_W : 0));
	count(v->counters, mmu_prefill);
	return true;
}

/*
 * Make one entry of a table say what the guest's entry says now, as far as that needs no new table.
 *
 * fresh: the entry is known to hold nothing. Returns true when the entry changed.
 */
bool entry_sync(struct mmu_vcpu *v, u32 index, u32 i, bool fresh)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	union role role = s->role, child_r;
	u64 *spte = &table_of(m, index)[i], old = fresh ? SPTE_NOTRAP : *spte, new, gfn;
	struct frame *f = frame_of(m, s->gfn);
	u64 gpte = gpte_read(s->gfn, role.format, guest_index(role, i));
	u32 child;

	if (!(gpte & PTE_P)) {
		new = m->bypass && !(f->state & FRAME_UNSYNC) ? SPTE_NOTRAP : trap_entry(m, role);
		if (old == new && !fresh)
			return false;
		entry_drop(m, index, i);
		entry_put(m, index, i, new);
		return true;
	}
	if (!gpte_is_usable(m, role, gpte)) {
		entry_drop(m, index, i);
		entry_put(m, index, i, trap_entry(m, role));
		return *spte != old;
	}
	if (role.level == 1 && role.format != GPTE_32 && !role.wp0)
		return sync_plain_leaf(v, index, i, gpte);
	if (spte_is_link(role.level, old) && !fresh) {
		wanted_child(m, role, gpte, i, &gfn, &child_r);
		child = spte_child(m, old);
		if (m->shadows[child].gfn == gfn && m->shadows[child].role.word == child_r.word) {
			*spte = (old & ~PTE_RIGHTS) | entry_link_rights(role, gpte);
			if (old & ~*spte & PTE_W)
				m->stale_writable = true;
			/* To take U away grants too, with SMEP and SMAP. */
			if ((*spte ^ old) & PTE_RIGHTS)
				entry_reaches(m, child);
			if (*spte != old && child_r.direct)
				need_flush(m);
			return *spte != old;
		}
	}
	if (wanted_child(m, role, gpte, i, &gfn, &child_r)) {
		if (!fresh)
			entry_drop(m, index, i);
		child = shadow_find(m, gfn, child_r);
		/* Not one that lags behind: shadow_get(); nor in the place of a link that was asked for. */
		if (child && !m->shadows[child].stale && may_have_parent(m, child))
			entry_link(m, index, i, child, entry_link_rights(role, gpte), false);
		else
			entry_put(m, index, i, trap_entry(m, role));
		return *spte != old;
	}
	new = leaf_rights(role, gpte, false) | leaf_attributes(role, gpte);
	if (!fresh && spte_is_present(old, m->ones)) {
		u64 kept = old & ~(PTE_A | PTE_D);
		u64 want = gfn << PAGE_SHIFT | PTE_P | new | (role.level > 1 ? PTE_PS : 0);

		/* Fewer rights than the guest grants are right too: the next write mends them. */
		if (kept == want)
			return false;
	}
	if (!fresh)
		entry_drop(m, index, i);
	entry_leaf(v, index, i, gfn, new);
	count(v->counters, mmu_prefill);
	return true;
}

/* Nothing in this table may go to the guest any more: its notrap entries become traps. */
void table_trap(struct mmu *m, u32 index)
{
	u64 *table = table_of(m, index), trap = trap_entry(m, m->shadows[index].role);

	for (u32 i = 0; i < SPT_ENTRIES; i++) {
		if (spte_is_notrap(table[i]))
			entry_put(m, index, i, trap);
	}
}

/* entry_sync() for an entry; true when what it maps has changed, not only the way it faults. */
static bool remapped(struct mmu_vcpu *v, u32 index, u32 i, bool fresh)
{
	const struct mmu *m = v->mmu;
	const u64 *spte = &table_of(m, index)[i];
	bool was = !fresh && spte_is_present(*spte, m->ones);

	return entry_sync(v, index, i, fresh) && (was || spte_is_present(*spte, m->ones));
}

static u32 sync_entries(struct mmu_vcpu *v, u32 index, bool fresh, u32 *looked_at)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	bool unsync = frame_of(m, s->gfn)->state & FRAME_UNSYNC;
	u64 trap = trap_entry(m, s->role), empty = m->bypass && !unsync ? SPTE_NOTRAP : trap;
	u64 *table = table_of(m, index);
	const volatile u64 *guest = phys_ptr(s->gfn << PAGE_SHIFT);
	bool plain_leaves = s->role.level == 1 && !s->role.wp0 && !fresh;
	/* At level 1 they do not depend on PS. */
	u64 bad = m->reserved[gpte_kind(s->role.format, s->role.nxe, s->role.pse)][1][0];
	bool hard = !m->soft_traps; /* entry_put() would count nothing */
	u32 changed = 0;

	if (s->role.format == GPTE_32) {
		for (u32 i = 0; i < SPT_ENTRIES; i++) {
			changed += remapped(v, index, i, fresh);
			*looked_at += gpte_read(s->gfn, GPTE_32, guest_index(s->role, i)) & PTE_P;
		}
		return changed;
	}
	for (u32 i = 0; i < SPT_ENTRIES; i++) {
		u64 gpte = guest[i];

		if (gpte & PTE_P) {
			if (!plain_leaves || (gpte & bad) || !leaf_is_current(table[i], gpte)) {
				changed += remapped(v, index, i, fresh);
				++*looked_at;
			}
		} else if (table[i] == trap && hard) {
			table[i] = empty;
		} else if (table[i] != empty) {
			if (spte_is_present(table[i], m->ones)) {
				entry_drop(m, index, i);
				changed++;
			}
			entry_put(m, index, i, empty);
		}
	}
	return changed;
}

/*
 * entry_sync() for a whole table: most entries are empty, or have not changed. Returns how many map
 * something else now.
 */
u32 table_sync(struct mmu_vcpu *v, u32 index, bool fresh)
{
	struct mmu *m = v->mmu;
	u32 looked_at = 0, changed = sync_entries(v, index, fresh, &looked_at);

	m->shadows[index].synced = m->operations;
	/* To look for an upper entry's table is as much as to link it; a leaf is soon compared. */
	m->work += WORK_TABLE;
	m->work += m->shadows[index].role.level > 1 ? looked_at : (looked_at + 3 * changed) / 4;
	return changed;
}
