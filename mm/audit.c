/* SPDX-License-Identifier: MIT */
/*
 * The audit: the invariants of the shadow MMU, checked over every table. It trusts nothing that the
 * code it checks has derived, but the guest's own tables and the lists' ends.
 */
#include "arch/console.h"
#include "mm/mmu_internal.h"

struct audit {
	struct mmu_vcpu *v;
	u32 violations;
};

static void bad(struct audit *a, u32 index, u32 i, const char *what)
{
	const struct mmu *m = a->v->mmu;
	const struct shadow *s = &m->shadows[index];

	/* The first few tell the story. */
	if (a->violations++ < 8)
		fail("audit: %s: table %u (frame %lx, role %x, level %d) entry %u = %016lx", what,
		     index, s->gfn, s->role.word, s->role.level, i, table_of(m, index)[i]);
}

static bool in_list(const struct mmu *m, slot_t head, slot_t slot)
{
	for (slot_t at = head, n = 0; at && n < m->nr_shadows * SPT_ENTRIES;
	     at = m->links[at].next, n++) {
		if (at == slot)
			return true;
	}
	return false;
}

/* A link must lead to a live table that knows this entry as a parent. */
static void check_link(struct audit *a, u32 index, u32 i, u64 spte)
{
	const struct mmu *m = a->v->mmu;
	u32 child = spte_child(m, spte);

	if (child == 0 || child >= m->nr_shadows ||
	    m->shadows[child].role.level != m->shadows[index].role.level - 1)
		bad(a, index, i, "a link leads to no table of the level below");
	else if (!in_list(m, m->shadows[child].parents, slot_make(index, i)))
		bad(a, index, i, "the child does not know this parent");
}

/* A leaf maps one page, or a whole region; mmu_audit() checks what is known about regions. */
static bool maps_hidden(const struct mmu *m, u64 gfn, int level)
{
	return level == 1 ? gfn_is_hidden(m, gfn) : region_is_apart(m, gfn);
}

static bool maps_tracked(const struct mmu *m, u64 gfn, int level)
{
	const struct region *r = region_of(m, gfn);

	return level == 1 ? frame_is_tracked(frame_of(m, gfn)) : r && r->tracked;
}

/* A leaf of a guest's table, or of a direct one: never hidden memory, never a writable table. */
static void check_leaf(struct audit *a, u32 index, u32 i, u64 spte)
{
	const struct mmu *m = a->v->mmu;
	const struct shadow *s = &m->shadows[index];
	u64 n = s->role.level == 1 ? 1 : 512;
	u64 gfn = ((spte & PTE_ADDR) >> PAGE_SHIFT) & ~(n - 1);

	if (spte & (s->role.level == 1 ? 0 : GENMASK(20, 13)))
		bad(a, index, i, "a leaf has reserved bits");
	if (gfn << PAGE_SHIFT != m->hole_hpa) {
		if (gfn_is_hidden(m, gfn + n - 1))
			bad(a, index, i, "the topmost page frame is mapped");
		if (maps_hidden(m, gfn, s->role.level))
			bad(a, index, i,
			    "the hypervisor's memory is mapped, or a watched page by a large leaf");
		if ((spte & PTE_W) && s->role.level == 1 && gfn_is_watched(m, gfn))
			bad(a, index, i, "a watched page is writable");
		if ((spte & PTE_W) && maps_tracked(m, gfn, s->role.level))
			bad(a, index, i, "a synced table is writable (invariant 4)");
	}
	if ((spte & PTE_W) && s->role.level == 1 && !s->role.direct && frame_of(m, gfn) &&
	    !in_list(m, frame_of(m, gfn)->rmap, slot_make(index, i)))
		bad(a, index, i, "a writable leaf is not in its frame's list");
	if ((spte & PTE_W) && s->role.level == 2 && region_of(m, gfn) &&
	    !in_list(m, region_of(m, gfn)->rmap, slot_make(index, i)))
		bad(a, index, i, "a writable 2M leaf is not in its region's list");
}

/* A synced shadow entry against the guest's. */
static void check_mirror(struct audit *a, u32 index, u32 i, u64 spte)
{
	const struct mmu *m = a->v->mmu;
	const struct shadow *s = &m->shadows[index];
	union role role = s->role, child_r;
	u64 gpte = gpte_read(s->gfn, role.format, guest_index(role, i)), gfn, rights;
	u64 reserved;

	if (spte_is_trap(spte, m->ones))
		return;
	if (spte_is_notrap(spte)) {
		if (gpte & PTE_P)
			bad(a, index, i, "notrap for a present guest entry (invariant 1)");
		return;
	}
	reserved = gpte_reserved(&m->features, role.format, role.level, gpte, role.nxe, role.pse);
	if (!(gpte & PTE_P) || (gpte & reserved) || !(gpte & PTE_A)) {
		bad(a, index, i, "present for a guest entry that is not present, bad, or A=0 (3)");
		return;
	}
	wanted_child(m, role, gpte, i, &gfn, &child_r);
	if (spte_is_link(role.level, spte)) {
		const struct shadow *child = &m->shadows[spte_child(m, spte)];
		u64 child_gfn = frame_of(m, gfn) || child_r.direct ? gfn : NO_GFN;

		if (child->gfn != child_gfn || child->role.word != child_r.word)
			bad(a, index, i, "a link leads to another frame or role (5)");
		rights = entry_link_rights(role, gpte);
	} else {
		u64 at = (spte & PTE_ADDR) >> PAGE_SHIFT;

		if (role.level > 1)
			at &= ~511ULL;
		if (at != gfn && !(gfn_is_hidden(m, gfn) && at << PAGE_SHIFT == m->hole_hpa))
			bad(a, index, i, "a leaf maps another frame than the guest's");
		rights = leaf_rights(role, gpte, false);
	}
	if (role.strict && !(spte & SPTE_LENT) && (rights & ~spte & PTE_U))
		bad(a, index, i, "a user's page is the supervisor's, and not lent");
	if (role.wp0 && (!role.strict || (spte & SPTE_LENT)))
		rights |= leaf_rights(role, gpte, true) & PTE_W;
	if (spte & ~rights & (PTE_W | PTE_U))
		bad(a, index, i, "more rights than the guest grants");
	if (rights & ~spte & PTE_NX)
		bad(a, index, i, "executable, where the guest says it is not");
}

static void check_table(struct audit *a, u32 index)
{
	const struct mmu *m = a->v->mmu;
	const struct shadow *s = &m->shadows[index];
	struct frame *f = s->role.direct ? NULL : frame_of(m, s->gfn);
	u32 present = 0;

	for (u32 i = 0; i < SPT_ENTRIES; i++) {
		u64 spte = table_of(m, index)[i];

		if (spte_is_trap(spte, m->ones) && spte != trap_entry(m, s->role))
			bad(a, index, i, "another trap than the proved one");
		if (spte_is_notrap(spte) && index != a->v->pae_root &&
		    (!f || (f->state & FRAME_UNSYNC) || !m->bypass))
			bad(a, index, i, "notrap in a table that is not synced (invariant 1)");
		if (spte_is_present(spte, m->ones)) {
			present++;
			if (spte_is_link(s->role.level, spte))
				check_link(a, index, i, spte);
			else
				check_leaf(a, index, i, spte);
		}
		if (f && !(f->state & FRAME_UNSYNC))
			check_mirror(a, index, i, spte);
	}
	if (present != s->present)
		bad(a, index, 0, "the number of present entries is wrong");
	if (index != a->v->pae_root && shadow_find(m, s->gfn, s->role) != index)
		bad(a, index, 0, "the table is not found by its frame and role");
}

u32 mmu_audit(struct mmu_vcpu *v)
{
	struct audit a = {.v = v};
	const struct mmu *m = v->mmu;
	u32 live = 0;

	count(v->counters, mmu_audit);
	for (u32 index = m->lru_first; index; index = m->shadows[index].lru_next, live++)
		check_table(&a, index);
	if (live + m->nr_free + 1 != m->nr_shadows)
		bad(&a, 0, 0, "shadow tables were lost");
	for (u64 r = 0; r < m->nr_regions; r++) {
		u32 tracked = 0;
		bool hidden = false;

		for (u64 gfn = r << 9; gfn < (r + 1) << 9 && gfn < m->nr_frames; gfn++) {
			tracked += frame_is_tracked(&m->frames[gfn]);
			hidden |= m->frames[gfn].state & FRAME_HIDDEN;
		}
		if (tracked != m->regions[r].tracked)
			bad(&a, 0, 0, "a region's number of tracked frames is wrong");
		if (hidden && !m->regions[r].hidden)
			bad(&a, 0, 0, "a region with the hypervisor's memory does not say so");
	}
	return a.violations;
}
