/* SPDX-License-Identifier: MIT */
/*
 * Direct tables: they map consecutive frames, for a guest without paging and for large guest pages
 * that may not be one shadow leaf. They grant everything; the link that leads to them holds the rights.
 */
#include "mm/shadow/entry.h"

/*
 * The role of a direct table that stands for part of a large guest page, by a link with these rights. A
 * supervisor's has no key: only the link says whose it is, and Bochs 3 looks at the leaf's key first.
 */
union role direct_role(union role parent, u64 gpte, int level, u64 rights)
{
	return (union role){
		.level = level,
		.format = parent.format == GPTE_64 ? GPTE_64 : GPTE_PAE,
		.direct = 1,
		.pwt = !!(gpte & PTE_PWT),
		.pcd = !!(gpte & PTE_PCD),
		.pat = !!(gpte & PTE_PAT_LARGE),
		.global = !!(gpte & PTE_G),
		.pk = parent.format == GPTE_64 && (rights & PTE_U) ? (gpte & PTE_PK) >> PTE_PK_SHIFT
								   : 0,
	};
}

/* True when a large page may not be one shadow leaf. */
bool must_split(const struct mmu *m, int level, u64 gfn, u64 rights)
{
	const struct region *r = region_of(m, gfn);

	return level > 2 || gfn == ALIGN_DOWN(m->trap_bits >> PAGE_SHIFT, REGION_FRAMES) ||
	       region_is_apart(m, gfn) || (r && r->tracked && (rights & PTE_W));
}

/* What maps the frames from gfn on that one entry of a direct table stands for. */
struct spte_want direct_wanted(const struct mmu *m, union role role, u64 gfn)
{
	struct spte_want want = {.spte = gfn << PAGE_SHIFT | PTE_P | PTE_W | PTE_U,
				 .present = true};

	if (role.level > 1 && must_split(m, role.level, gfn, PTE_W)) {
		want.child = role;
		want.child.level--;
		want.spte |= PTE_A;
		return want;
	}
	want.spte |= (role.pwt ? PTE_PWT : 0) | (role.pcd ? PTE_PCD : 0) |
		     (role.global ? PTE_G : 0) | (u64)role.pk << PTE_PK_SHIFT;
	if (role.level > 1)
		want.spte |= PTE_PS | (role.pat ? PTE_PAT_LARGE : 0);
	else
		want.spte |= role.pat ? PTE_PAT : 0;
	return want;
}

/* Small leaves are in no list, and most are of ordinary RAM that is no table: those need no more than a store. */
static void fill_small(struct mmu_vcpu *v, u32 index)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	u64 leaf = direct_wanted(m, s->role, s->gfn).spte | PTE_A;

	for (u32 i = 0; i < SPT_ENTRIES; i++, leaf += PAGE_SIZE) {
		const struct frame *f = frame_of(m, s->gfn + i);

		if (likely(f && !(f->state & FRAME_TABLES))) {
			table_of(m, index)[i] = leaf | SPTE_LISTED;
			s->present++;
		} else {
			entry_leaf(v, slot_make(index, i), leaf);
		}
	}
	s->lines = ~0ULL;
	s->live = ~0ULL;
}

void direct_fill(struct mmu_vcpu *v, u32 index)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	u64 frames = BIT(LEVEL_SHIFT(s->role.level) - PAGE_SHIFT);

	if (s->role.level == 1) {
		fill_small(v, index);
		return;
	}
	for (u32 i = 0; i < SPT_ENTRIES; i++) {
		struct spte_want want = direct_wanted(m, s->role, s->gfn + i * frames);
		slot_t slot = slot_make(index, i);

		/* Large pages are in lists with a limit. No A: nobody has asked for them, see bound_leaves(). */
		if (want.child.word)
			entry_put(m, slot, trap_entry(m, s->role));
		else
			entry_leaf(v, slot, want.spte);
	}
}
