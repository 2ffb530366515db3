/* SPDX-License-Identifier: MIT */
/* How a shadow table is found: by its frame, or place, and role. */
#include "mm/shadow/tables.h"

/*
 * Where a direct table is found. A guest can fill one bucket, but not with more than mmu_bounds.bucket.
 * Fibonacci hashing: the top bits of the product depend on all of the key's.
 */
static u32 *direct_bucket(const struct mmu *m, u64 gfn, union role role)
{
	u64 key = (gfn / REGION_FRAMES ^ (u64)role.word << 32) * 0x9e3779b97f4a7c15ULL;

	return &m->direct[key >> 40 & m->direct_mask];
}

/* The list that a table is found by. A direct table's first frame may well be another's table. */
static ALWAYS_INLINE u32 list_head(const struct mmu *m, u64 gfn, union role role)
{
	const struct frame *f;

	if (unlikely(role.direct))
		return *direct_bucket(m, gfn, role);
	f = frame_of(m, gfn);
	return likely(f) ? f->state & FRAME_TABLES : m->blank;
}

static ALWAYS_INLINE void set_list_head(struct mmu *m, u64 gfn, union role role, u32 index)
{
	struct frame *f = role.direct ? NULL : frame_of(m, gfn);

	if (likely(f))
		f->state = (f->state & ~FRAME_TABLES) | index;
	else if (role.direct)
		*direct_bucket(m, gfn, role) = index;
	else
		m->blank = index;
}

u32 shadow_find(const struct mmu *m, u64 gfn, union role role)
{
	for (u32 i = list_head(m, gfn, role); i; i = m->shadows[i].next) {
		if (m->shadows[i].role.word == role.word && m->shadows[i].gfn == gfn)
			return i;
	}
	return 0;
}

/* Direct tables that track() has to look at. */
static struct region *mapped_region(struct mmu *m, const struct shadow *s)
{
	return s->role.direct && s->role.level == 1 ? region_of(m, s->gfn) : NULL;
}

void shadow_list(struct mmu *m, u32 index)
{
	struct shadow *s = &m->shadows[index];
	struct region *r = mapped_region(m, s);

	s->next = list_head(m, s->gfn, s->role);
	set_list_head(m, s->gfn, s->role, index);
	if (r) {
		s->region_next = r->direct;
		r->direct = index;
	}
}

void shadow_unlist(struct mmu *m, u32 index)
{
	struct shadow *s = &m->shadows[index];
	struct region *r = mapped_region(m, s);
	u32 i = list_head(m, s->gfn, s->role);

	if (likely(i == index)) {
		set_list_head(m, s->gfn, s->role, s->next);
	} else {
		while (m->shadows[i].next != index)
			i = m->shadows[i].next;
		m->shadows[i].next = s->next;
	}
	for (u32 *at = r ? &r->direct : NULL; at; at = &m->shadows[*at].region_next) {
		if (*at == index) {
			*at = s->region_next;
			break;
		}
	}
}

/* The first made of a list's tables that no operation holds, or 0; and the list's length. */
u32 shadow_oldest(const struct mmu *m, u64 gfn, union role role, u32 *nr)
{
	u32 last = 0;

	*nr = 0;
	for (u32 i = list_head(m, gfn, role); i; i = m->shadows[i].next, ++*nr) {
		if (!shadow_is_held(m, i))
			last = i;
	}
	return last;
}
