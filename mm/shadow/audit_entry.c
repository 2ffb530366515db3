/* SPDX-License-Identifier: MIT */
/* The audit of one entry: what it leads to, and whether the guest's own tables, or its place, say so. */
#include "mm/shadow/audit.h"

static void check_link(struct audit *a, slot_t slot, u64 spte)
{
	const struct mmu *m = a->v->mmu;
	u32 child = spte_child(m, spte);

	a->links++;
	audit_if(a,
		 child == 0 || child >= m->nr_shadows ||
			 m->shadows[child].role.level != shadow_at(m, slot)->role.level - 1,
		 slot, "a link leads to no table of the level below");
}

/* A leaf maps one page, or a whole region. */
static bool maps_hidden(const struct mmu *m, u64 gfn, int level)
{
	return level == 1 ? gfn_is_hidden(m, gfn) : region_is_apart(m, gfn);
}

static bool maps_tracked(const struct mmu *m, u64 gfn, int level)
{
	const struct region *r = region_of(m, gfn);

	return level == 1 ? frame_is_tracked(frame_of(m, gfn)) : r && r->tracked;
}

static void check_leaf(struct audit *a, slot_t slot, u64 spte)
{
	const struct mmu *m = a->v->mmu;
	const struct shadow *s = shadow_at(m, slot);
	u64 n = s->role.level == 1 ? 1 : REGION_FRAMES;
	u64 gfn = ALIGN_DOWN((spte & PTE_ADDR) >> PAGE_SHIFT, n);

	audit_if(a, s->role.level > 2, slot, "a leaf is at a level that has none");
	audit_if(a, spte & (s->role.level == 1 ? 0 : GENMASK(20, 13)), slot,
		 "a leaf has reserved bits");
	if (gfn << PAGE_SHIFT != m->config.hole_hpa) {
		audit_if(a, gfn_is_hidden(m, gfn + n - 1), slot,
			 "the topmost page frame is mapped");
		audit_if(a, maps_hidden(m, gfn, s->role.level), slot,
			 "the hypervisor's memory is mapped, or a watched page by a large leaf");
		audit_if(a, (spte & PTE_W) && s->role.level == 1 && gfn_is_watched(m, gfn), slot,
			 "a watched page is writable");
		audit_if(a, (spte & PTE_W) && maps_tracked(m, gfn, s->role.level), slot,
			 "a synced table is writable (invariant 4)");
	}
	audit_if(a, (spte & (PTE_W | SPTE_LISTED)) == PTE_W, slot,
		 "a writable leaf does not say that it is listed (invariant 14)");
	audit_if(a,
		 s->role.level == 1 && !s->role.direct && (spte & SPTE_LISTED) &&
			 (spte & (SPTE_PROTECTED | SPTE_NARROWED)),
		 slot, "a leaf that is narrowed says that it is listed (invariant 14)");
	if ((spte & SPTE_LISTED) &&
	    (s->role.level > 1 ? region_of(m, gfn) != NULL : !s->role.direct && frame_of(m, gfn)))
		a->leaves++;
}

/* An entry of a direct table: the frame that its place says, all that may be mapped. */
static void check_direct(struct audit *a, slot_t slot, u64 spte)
{
	const struct mmu *m = a->v->mmu;
	const struct shadow *s = shadow_at(m, slot);
	int level = s->role.level;
	u64 gfn = s->gfn + ((u64)slot_entry(slot) << (LEVEL_SHIFT(level) - PAGE_SHIFT));
	struct spte_want want = direct_wanted(m, s->role, gfn);

	audit_if(a, spte & SPTE_NARROWED, slot, "a direct table has a mark (invariant 21)");
	if (!spte_is_present(spte, m->trap_bits)) {
		audit_if(a, level == 1 || spte_is_notrap(spte), slot,
			 "a direct table does not map a page");
		return;
	}
	if (spte_is_link(level, spte)) {
		const struct shadow *child = &m->shadows[spte_child(m, spte)];
		union role role = s->role;

		role.level--;
		audit_if(a, child->role.word != role.word || child->gfn != gfn, slot,
			 "a direct link leads elsewhere");
		return;
	}
	audit_if(a, !audit_maps_frame(m, s->role, spte, gfn), slot,
		 "a direct table maps another frame");
	audit_if(a,
		 !want.child.word &&
			 audit_attributes(level, spte) != audit_attributes(level, want.spte),
		 slot, "a direct leaf has other attributes than its table's role");
	audit_if(a,
		 level == 1 && !(spte & PTE_W) != (frame_is_tracked(frame_of(m, gfn)) ||
						   gfn_is_watched(m, gfn)),
		 slot, "a direct leaf is read-only without need, or writable");
}

/* The table under the PDPTEs: four links, nothing else. */
static void check_pae_root(struct audit *a, slot_t slot, u64 spte)
{
	audit_if(a, spte && (slot_entry(slot) >= 4 || !spte_is_link(3, spte)), slot,
		 "a PAE root has more than four links");
}

static bool is_foreign(const struct audit *a, u64 gfn)
{
	for (u32 i = 0; i < a->nr_foreign; i++) {
		if (a->foreign[i] == gfn)
			return true;
	}
	return false;
}

/* What a shadow's entry was last made from: the guest's; or out of sync, as far as that is known, its copy. */
static void check_mirror(struct audit *a, slot_t slot, u64 spte, bool synced)
{
	const struct mmu *m = a->v->mmu;
	const struct shadow *s = shadow_at(m, slot);
	u32 i = slot_entry(slot);

	if (synced)
		audit_mirror(a, slot, spte,
			     gpte_read(s->gfn, s->role.format, guest_index(s->role, i)));
	for (u32 u = 0; !synced && (s->copied & line_bit(slot)) && u < m->nr_unsync; u++) {
		if (m->unsync[u].gfn == s->gfn)
			audit_mirror(a, slot, spte, m->unsync[u].copy[i]);
	}
}

/* f: the frame that is mirrored; NULL: the table is direct, or mirrors no RAM. synced: as f is not out of sync. */
static void check_entry(struct audit *a, slot_t slot, u64 spte, const struct frame *f, bool synced)
{
	const struct mmu *m = a->v->mmu;
	const struct shadow *s = shadow_at(m, slot);
	bool pae_root = s->role.direct && s->role.level == 3;

	audit_if(a, spte_is_trap(spte, m->trap_bits) && spte != trap_entry(m, s->role), slot,
		 "another trap than the proved one");
	audit_if(a, spte_is_notrap(spte) && !pae_root && !s->stale && !synced, slot,
		 "notrap in a table that is not synced (invariant 1)");
	if (spte_is_present(spte, m->trap_bits)) {
		if (spte_is_link(s->role.level, spte))
			check_link(a, slot, spte);
		else
			check_leaf(a, slot, spte);
	}
	if (pae_root)
		check_pae_root(a, slot, spte);
	else if (s->role.direct)
		check_direct(a, slot, spte);
	else if (f && !s->stale && !is_foreign(a, s->gfn))
		check_mirror(a, slot, spte, synced);
}

/*
 * Most entries of most tables have nothing on either side: the next one from i on that has, or SPT_ENTRIES. Not in
 * line, so that the loop keeps its registers: a fifth of an audit.
 */
static __attribute__((noinline)) u32 next_used(const u64 *sptes, u64 gfn, union role role, u32 i)
{
	while (i < SPT_ENTRIES && spte_is_notrap(sptes[i]) &&
	       !(gpte_read(gfn, role.format, guest_index(role, i)) & PTE_P))
		i++;
	return i;
}

void audit_entries(struct audit *a, u32 index)
{
	const struct mmu *m = a->v->mmu;
	const struct shadow *s = &m->shadows[index];
	const struct frame *f = s->role.direct ? NULL : frame_of(m, s->gfn);
	bool synced = f && !(f->state & FRAME_UNSYNC);
	const u64 *sptes = table_of(m, index);

	for (u32 i = 0; i < SPT_ENTRIES; i++) {
		if (synced)
			i = next_used(sptes, s->gfn, s->role, i);
		if (i < SPT_ENTRIES)
			check_entry(a, slot_make(index, i), sptes[i], f, synced);
	}
}
