/* SPDX-License-Identifier: MIT */
/*
 * One shadow entry: what the guest's entry asks for, and the bookkeeping of changing it.
 *
 * A shadow table mirrors one guest table entry by entry (invariant 5). Leaves are read-only until
 * the guest's D bit is set, and while the page they map is a tracked table.
 */
#include "mm/mmu_internal.h"

#define PTE_RIGHTS (PTE_W | PTE_U | PTE_NX)

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

/* The role of a direct table that stands for part of a large guest page. */
union role direct_role(union role parent, u64 gpte, int level)
{
	return (union role){
		.level = level,
		.format = parent.format == GPTE_64 ? GPTE_64 : GPTE_PAE,
		.direct = 1,
		.pwt = !!(gpte & PTE_PWT),
		.pcd = !!(gpte & PTE_PCD),
		.pat = !!(gpte & PTE_PAT_LARGE),
		.global = !!(gpte & PTE_G),
		.pk = parent.format == GPTE_64 ? (gpte & PTE_PK) >> PTE_PK_SHIFT : 0,
	};
}

/*
 * The rights of a leaf. With CR0.WP=0 a supervisor may write where only reading is granted, while
 * the hardware runs with WP=1: such a page is shown either as the tables say, or, after a supervisor
 * write, as a supervisor's writable page. Whoever comes from the other side faults and turns it.
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
			if (role.smep && role.nxe)
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

u64 direct_attributes(union role role)
{
	u64 pat = role.level == 1 ? PTE_PAT : PTE_PAT_LARGE;

	return (role.pwt ? PTE_PWT : 0) | (role.pcd ? PTE_PCD : 0) | (role.pat ? pat : 0) |
	       (role.global ? PTE_G : 0) | (u64)role.pk << PTE_PK_SHIFT;
}

/* The list that a present writable leaf is in, or NULL. */
static slot_t *rmap_head(struct mmu *m, union role role, u64 spte)
{
	u64 gfn = (spte & PTE_ADDR & ~PTE_PAT_LARGE) >> PAGE_SHIFT;
	struct frame *f;
	struct region *r;

	if (!(spte & PTE_W))
		return NULL;
	if (role.level == 1) {
		if (role.direct)
			return NULL;
		f = frame_of(m, (spte & PTE_ADDR) >> PAGE_SHIFT);
		return f ? &f->rmap : NULL;
	}
	r = region_of(m, gfn);
	return r ? &r->rmap : NULL;
}

void entry_unlink_child(struct mmu *m, u32 child, slot_t slot)
{
	list_del(m, &m->shadows[child].parents, slot);
}

/*
 * An entry that is one of several, in the hardware's eyes, for a single guest page: a part of a 4M
 * page, or a large page that is split. The guest's INVLPG of any address drops the whole page, the
 * hardware's only a part.
 */
static bool is_part_of_page(const struct mmu *m, union role role, u64 spte)
{
	if (spte_is_link(m, role.level, spte))
		return m->shadows[spte_child(m, spte)].role.direct;
	return role.format == GPTE_32 && role.level == 2;
}

void entry_drop(struct mmu *m, u32 index, u32 i)
{
	struct shadow *s = &m->shadows[index];
	u64 spte = table_of(m, index)[i];
	slot_t *head;

	if (!spte_is_present(spte, m->ones))
		return;
	s->present--;
	if (is_part_of_page(m, s->role, spte))
		need_flush(m);
	if (spte_is_link(m, s->role.level, spte)) {
		u32 child = spte_child(m, spte);

		entry_unlink_child(m, child, slot_make(index, i));
		if (!shadow_in_use(m, child) && !m->shadows[child].orphan &&
		    !m->shadows[child].role.direct) {
			m->shadows[child].orphan = true;
			m->shadows[child].orphan_next = m->orphans;
			m->orphans = child;
		}
		return;
	}
	head = rmap_head(m, s->role, spte);
	if (head)
		list_del(m, head, slot_make(index, i));
	if (spte & PTE_W)
		m->stale_writable = true;
}

void entry_link(struct mmu *m, u32 index, u32 i, u32 child, u64 rights)
{
	table_of(m, index)[i] = table_hpa(m, child) | PTE_P | PTE_A | rights;
	m->shadows[index].present++;
	list_add(m, &m->shadows[child].parents, slot_make(index, i));
}

/* bits: rights and attributes. The frame is turned to the hole page when it is hidden. */
void entry_leaf(struct mmu_vcpu *v, u32 index, u32 i, u64 gfn, u64 bits)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	u64 spte = gfn << PAGE_SHIFT | PTE_P | bits;
	slot_t *head;

	if (s->role.level > 1) {
		spte |= PTE_PS;
	} else if (gfn_is_hidden(m, gfn)) {
		spte = m->hole_hpa | PTE_P | bits;
		count(v->counters, hole_mapped);
	} else if (frame_is_tracked(frame_of(m, gfn))) {
		spte &= ~PTE_W;
	}
	if (spte & PTE_W)
		spte |= PTE_D;
	table_of(m, index)[i] = spte;
	s->present++;
	head = rmap_head(m, s->role, spte);
	if (head)
		list_add(m, head, slot_make(index, i));
}

/* True when a large page may not be one shadow leaf. */
bool must_split(const struct mmu *m, int level, u64 gfn, u64 rights)
{
	const struct region *r = region_of(m, gfn);

	return level > 2 || gfn == (m->ones >> 12 & ~511ULL) ||
	       (r && (r->hidden || (r->tracked && (rights & PTE_W))));
}

void direct_fill(struct mmu_vcpu *v, u32 index)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	u64 *table = table_of(m, index), attributes = direct_attributes(s->role);
	u64 bits = attributes | PTE_W | PTE_U | PTE_A;

	for (u32 i = 0; i < SPT_ENTRIES; i++) {
		u64 gfn = s->gfn + ((u64)i << 9 * (s->role.level - 1));

		if (s->role.level > 1 && must_split(m, s->role.level, gfn, PTE_W))
			table[i] = trap_entry(m, s->role);
		else
			entry_leaf(v, index, i, gfn, bits);
	}
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
	return !(gpte &
		 gpte_reserved(&m->features, role.format, role.level, gpte, role.nxe, role.pse));
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
		return role.level > 1 &&
		       must_split(m, role.level, *gfn, leaf_rights(role, gpte, false));
	}
	*gfn = (role.format == GPTE_32 ? (u32)gpte : gpte & PTE_ADDR) >> PAGE_SHIFT;
	*child = child_role(role, gpte, i);
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
		*spte = new;
		return true;
	}
	if (!gpte_is_usable(m, role, gpte)) {
		entry_drop(m, index, i);
		*spte = trap_entry(m, role);
		return *spte != old;
	}
	if (spte_is_link(m, role.level, old) && !fresh) {
		wanted_child(m, role, gpte, i, &gfn, &child_r);
		child = spte_child(m, old);
		if (m->shadows[child].gfn == gfn && m->shadows[child].role.word == child_r.word) {
			*spte = (old & ~PTE_RIGHTS) | entry_link_rights(role, gpte);
			if (old & ~*spte & PTE_W)
				m->stale_writable = true;
			if (*spte != old && child_r.direct)
				need_flush(m);
			return *spte != old;
		}
	}
	if (wanted_child(m, role, gpte, i, &gfn, &child_r)) {
		if (!fresh)
			entry_drop(m, index, i);
		child = shadow_find(m, gfn, child_r);
		if (child)
			entry_link(m, index, i, child, entry_link_rights(role, gpte));
		else
			*spte = trap_entry(m, role);
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
