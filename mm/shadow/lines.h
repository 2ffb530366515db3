/* SPDX-License-Identifier: MIT */
/*
 * Tables by lines of eight entries, and by groups of four lines: most of most tables is empty, and costs a pass next
 * to nothing. Invariant 20 tells which lines have something in them.
 */
#ifndef MM_SHADOW_LINES_H
#define MM_SHADOW_LINES_H

#include "mm/shadow/leaf.h"

#define GROUP_LINES   4
#define GROUP_ENTRIES (GROUP_LINES * LINE_ENTRIES)

/* Before a loop over a line that does little for most of its entries: counting them would take as long. */
#define UNROLL_LINE _Pragma("GCC unroll 8")

static ALWAYS_INLINE u64 line_or(const u64 *line)
{
	return line[0] | line[1] | line[2] | line[3] | line[4] | line[5] | line[6] | line[7];
}

/*
 * All of its entries are zero. The guest may write meanwhile: each is read again where one is not. In most lines that
 * have something, the first entry has.
 */
static ALWAYS_INLINE bool line_is_empty(const u64 *line)
{
	return !line[0] && !line_or(line);
}

static ALWAYS_INLINE void line_fill(u64 *line, u64 spte)
{
	line[0] = spte, line[1] = spte, line[2] = spte, line[3] = spte;
	line[4] = spte, line[5] = spte, line[6] = spte, line[7] = spte;
}

static ALWAYS_INLINE void group_fill(u64 *group, u64 spte)
{
	line_fill(group, spte), line_fill(group + LINE_ENTRIES, spte);
	line_fill(group + 2 * LINE_ENTRIES, spte), line_fill(group + 3 * LINE_ENTRIES, spte);
}

static ALWAYS_INLINE bool group_is_empty(const u64 *group)
{
	return !group[0] &&
	       !(line_or(group) | line_or(group + LINE_ENTRIES) |
		 line_or(group + 2 * LINE_ENTRIES) | line_or(group + 3 * LINE_ENTRIES));
}

/* Two lines, or groups, have the same entries: most that differ do so from the first on. */
static ALWAYS_INLINE bool line_same(const u64 *a, const u64 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && a[4] == b[4] &&
	       a[5] == b[5] && a[6] == b[6] && a[7] == b[7];
}

static ALWAYS_INLINE bool group_same(const u64 *a, const u64 *b)
{
	return line_same(a, b) && line_same(a + LINE_ENTRIES, b + LINE_ENTRIES) &&
	       line_same(a + 2 * LINE_ENTRIES, b + 2 * LINE_ENTRIES) &&
	       line_same(a + 3 * LINE_ENTRIES, b + 3 * LINE_ENTRIES);
}

/* The bits of a group's lines, the first at entry i, in the maps of its table. */
static ALWAYS_INLINE u64 group_bits(u32 i)
{
	return (BIT(GROUP_LINES) - 1) << i / LINE_ENTRIES;
}

/* Some entry of a line is counted: reach.c. Only one that was present has SPTE_NARROWED. */
static ALWAYS_INLINE bool line_is_counted(const struct mmu *m, const struct shadow *s, slot_t first)
{
	return m->soft_traps || (s->reach[REACH_NARROWED].nr && (s->live & line_bit(first)));
}

/* None of a line's entries is present any more; all become traps, or SPTE_NOTRAP. */
static ALWAYS_INLINE void line_put(struct mmu *m, struct shadow *s, slot_t first, u64 spte)
{
	if (unlikely(line_is_counted(m, s, first))) {
		for (u32 i = 0; i < LINE_ENTRIES; i++)
			entry_put(m, first + i, spte);
	} else {
		line_fill(spte_at(m, first), spte);
	}
	s->live &= ~line_bit(first);
	if (spte)
		s->lines |= line_bit(first);
	else
		s->lines &= ~line_bit(first);
}

/* The lines of a root's lower half, where every kernel has its users' part. */
#define LOWER_HALF GENMASK(31, 0)

/*
 * clear.c. Those of a line's entries that are present are about to go: out of their lists. by_guest: as
 * entry_drop(). Returns how many they are.
 */
u32 line_drop(struct mmu *m, slot_t first, bool by_guest);

#endif
