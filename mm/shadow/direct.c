/* SPDX-License-Identifier: MIT */
/*
 * Direct tables: they map consecutive frames, for a guest without paging and for large guest pages
 * that may not be one shadow leaf. They grant everything; the link that leads to them holds the rights.
 */
#include "mm/shadow/types.h"

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

u64 direct_attributes(union role role)
{
	u64 pat = role.level == 1 ? PTE_PAT : PTE_PAT_LARGE;

	return (role.pwt ? PTE_PWT : 0) | (role.pcd ? PTE_PCD : 0) | (role.pat ? pat : 0) |
	       (role.global ? PTE_G : 0) | (u64)role.pk << PTE_PK_SHIFT;
}

/* True when a large page may not be one shadow leaf. */
bool must_split(const struct mmu *m, int level, u64 gfn, u64 rights)
{
	const struct region *r = region_of(m, gfn);

	return level > 2 || gfn == (m->ones >> 12 & ~511ULL) || region_is_apart(m, gfn) ||
	       (r && r->tracked && (rights & PTE_W));
}

void direct_fill(struct mmu_vcpu *v, u32 index)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	u64 attributes = direct_attributes(s->role);
	/* Large pages are in lists with a limit, so they tell that nobody has asked for them: bound_leaves(). */
	u64 bits = attributes | PTE_W | PTE_U | (s->role.level > 1 ? 0 : PTE_A);
	u64 step = s->role.level > 1 ? BIT(9 * (s->role.level - 1)) : 1; /* frames */

	for (u32 i = 0; i < SPT_ENTRIES; i++) {
		u64 gfn = s->gfn + i * step;

		if (s->role.level > 1 && must_split(m, s->role.level, gfn, PTE_W))
			entry_put(m, index, i, trap_entry(m, s->role));
		else
			entry_leaf(v, index, i, gfn, bits);
	}
}
