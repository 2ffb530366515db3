/* SPDX-License-Identifier: MIT */
/* The MTRRs' verdict on a range of memory. */
#include "guest/machine/memtype.h"

/* SDM vol. 3A 12.11.4.1, item 4: where variable ranges overlap. */
static enum memtype combine(enum memtype a, enum memtype b)
{
	if (a == b)
		return a;
	if (a == MEMTYPE_UC || b == MEMTYPE_UC)
		return MEMTYPE_UC;
	if ((a == MEMTYPE_WT && b == MEMTYPE_WB) || (a == MEMTYPE_WB && b == MEMTYPE_WT))
		return MEMTYPE_WT;
	return MEMTYPE_MIXED;
}

/* Bytes of a pair's range; 0 for a mask with holes, which makes many ranges of one pair. */
static u64 range_size(u64 mask, u8 maxphyaddr)
{
	u64 all = GENMASK(maxphyaddr - 1, 12), size = mask & all & -(mask & all);

	if (!size)
		return BIT(maxphyaddr);
	return (mask & all) == (all & ~(size - 1)) ? size : 0;
}

/* The type at one address; *end, which is past it, comes down to where another may begin. */
static enum memtype type_from(const struct mtrrs *m, u64 at, u64 *end, u8 maxphyaddr)
{
	enum memtype type = MEMTYPE_MIXED;
	bool matched = false;

	for (u32 i = 0; i < m->nr; i++) {
		u64 size = range_size(m->var[i].mask, maxphyaddr), start;

		if (!(m->var[i].mask & MTRR_MASK_VALID))
			continue;
		if (!size)
			return MEMTYPE_MIXED;
		start = m->var[i].base & GENMASK(maxphyaddr - 1, 12) & ~(size - 1);
		if (at - start < size) {
			enum memtype own = (enum memtype)(m->var[i].base & 0xff);

			type = matched ? combine(type, own) : own;
			matched = true;
			if (start + size < *end)
				*end = start + size;
		} else if (start > at && start < *end) {
			*end = start;
		}
	}
	return matched ? type : (enum memtype)(m->def_type & 0xff);
}

enum memtype mtrr_memtype(const struct mtrrs *m, u64 start, u64 end, u8 maxphyaddr)
{
	enum memtype type = MEMTYPE_UC;

	if (!(m->def_type & MTRR_DEF_TYPE_E))
		return MEMTYPE_UC;
	for (u64 at = start; at < end;) {
		u64 next = end;
		enum memtype here = type_from(m, at, &next, maxphyaddr);

		if (here == MEMTYPE_MIXED || (at != start && here != type))
			return MEMTYPE_MIXED;
		type = here;
		at = next;
	}
	return type;
}
