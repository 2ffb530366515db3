/* SPDX-License-Identifier: MIT */
/* Passes over whole tables that take entries away: cleared, or made traps. Each costs what is in the table. */
#include "arch/string.h"
#include "mm/shadow/lines.h"

/*
 * leaf_drop() of all that a line of level 1 has, in a shadow of the guest's table. Most frames are mapped once; one
 * that is no RAM is in no list, and its rmap is 0. Returns how many entries were present.
 */
static ALWAYS_INLINE u32 small_line_drop(struct mmu *m, struct shadow *s, slot_t first)
{
	const u64 *line = spte_at(m, first);
	const struct spte_link *links = &m->links[first];
	struct frame *frames = m->frames;
	u64 trap_bits = m->trap_bits, nr_frames = m->nr_frames;
	u32 dropped = 0;
	u64 listed = 0;

	for (u32 k = 0; k < LINE_ENTRIES; k++) {
		u64 spte = line[k];

		if (!spte_is_present(spte, trap_bits))
			continue;
		dropped++;
		listed |= spte;
		if (!(spte & SPTE_LISTED))
			continue;
		if (likely(links[k].prev == ALONE && spte_gfn(spte) < nr_frames))
			frames[spte_gfn(spte)].rmap = 0;
		else
			leaf_unmap(m, first + k, spte);
	}
	if (listed & SPTE_LISTED)
		m->stale_writable = true;
	s->present -= dropped;
	return dropped;
}

/* An entry of any other table. 1 when it was present. */
static ALWAYS_INLINE u32 other_drop(struct mmu *m, const struct shadow *s, slot_t slot,
				    bool by_guest)
{
	u64 spte = *spte_at(m, slot);

	if (!spte_is_present(spte, m->trap_bits))
		return 0;
	if (s->role.level > 1)
		entry_drop(m, slot, by_guest);
	return 1;
}

static __attribute__((noinline)) u32 other_line_drop(struct mmu *m, struct shadow *s, slot_t at,
						     bool by_guest)
{
	u32 dropped = 0;

	UNROLL_LINE
	for (u32 k = 0; k < LINE_ENTRIES; k++)
		dropped += other_drop(m, s, at + k, by_guest);
	/* No list has small leaves of a direct table. */
	if (s->role.level == 1) {
		s->present -= dropped;
		m->stale_writable = true;
	}
	return dropped;
}

u32 line_drop(struct mmu *m, slot_t first, bool by_guest)
{
	struct shadow *s = shadow_at(m, first);

	return s->role.level == 1 && !s->role.direct ? small_line_drop(m, s, first)
						     : other_line_drop(m, s, first, by_guest);
}

void table_clear(struct mmu *m, u32 index, bool by_guest)
{
	struct shadow *s = &m->shadows[index];
	slot_t first = slot_make(index, 0);

	for (u64 live = s->live; live && s->present; live &= live - 1)
		line_drop(m, first + (u32)__builtin_ctzll(live) * LINE_ENTRIES, by_guest);
	/* Without reach.c: it forgets the table. */
	if (s->lines == ~0ULL) {
		memset(spte_at(m, first), 0, PAGE_SIZE);
		s->lines = 0;
	}
	for (u64 lines = s->lines; lines; lines &= lines - 1)
		line_fill(spte_at(m, first + (u32)__builtin_ctzll(lines) * LINE_ENTRIES),
			  SPTE_NOTRAP);
	s->lines = 0;
	s->live = 0;
}

/* table_trap() of one line that has something in it. */
static ALWAYS_INLINE void line_trap(struct mmu *m, const struct shadow *s, slot_t first, u64 trap,
				    bool all)
{
	u64 *line = spte_at(m, first);

	for (u32 i = 0; all && (s->live & line_bit(first)) && i < LINE_ENTRIES; i++) {
		if (spte_is_present(line[i], m->trap_bits))
			entry_trap(m, first + i);
	}
	for (u32 i = 0; i < LINE_ENTRIES; i++) {
		if (!spte_is_notrap(line[i]))
			continue;
		if (unlikely(m->soft_traps))
			reach_soft(m, slot_table(first), SPTE_NOTRAP, trap);
		line[i] = trap;
	}
}

void table_trap(struct mmu *m, u32 index, bool all)
{
	struct shadow *s = &m->shadows[index];
	u64 trap = trap_entry(m, s->role), lines = s->lines;

	for (u32 i = 0; i < SPT_ENTRIES; i += GROUP_ENTRIES) {
		slot_t first = slot_make(index, i);

		if (!(lines & group_bits(i)) && !m->soft_traps) {
			for (u32 k = 0; k < GROUP_ENTRIES; k += LINE_ENTRIES)
				line_fill(spte_at(m, first + k), trap);
			continue;
		}
		for (u32 k = 0; k < GROUP_ENTRIES; k += LINE_ENTRIES)
			line_trap(m, s, first + k, trap, all);
	}
	s->lines = ~0ULL;
}

/* What a guest's entry says is copied, and notrap becomes a trap. 1 when it was notrap. */
static ALWAYS_INLINE u32 entry_lag(u64 *line, const volatile u64 *guest, u64 *copy, u32 k, u64 trap)
{
	copy[k] = guest[k];
	if (likely(!spte_is_notrap(line[k])))
		return 0;
	line[k] = trap;
	return 1;
}

/* Other than 0 when some entry was notrap. */
static ALWAYS_INLINE u32 line_lag(u64 *line, const u64 *guest, u64 *copy, u64 trap)
{
	u32 holes = 0;

	UNROLL_LINE
	for (u32 k = 0; k < LINE_ENTRIES; k++)
		holes |= entry_lag(line, guest, copy, k, trap);
	return holes;
}

/* Invariant 24. A line of zeros is not copied: where the guest's is zero too, it is as it was. */
void table_lag(struct mmu *m, u32 index, u64 *copy)
{
	struct shadow *s = &m->shadows[index];
	u64 trap = trap_entry(m, s->role), copied = 0, holes = 0, bits = group_bits(0);
	const u64 *guest = phys_ptr(s->gfn << PAGE_SHIFT);

	if (s->role.format == GPTE_32 || s->role.wp0 || m->soft_traps) {
		table_trap(m, index, false);
		s->copied = 0;
		return;
	}
	if (s->present == SPT_ENTRIES) {
		memcpy(copy, guest, PAGE_SIZE);
		s->copied = ~0ULL;
		s->holes = 0;
		return;
	}
	for (u32 i = 0; i < SPT_ENTRIES; i += GROUP_ENTRIES, bits <<= GROUP_LINES) {
		u64 *group = spte_at(m, slot_make(index, i)), bit = bits & -bits;

		if (!(s->lines & bits)) {
			group_fill(group, trap);
			continue;
		}
		for (u32 k = 0; k < GROUP_ENTRIES; k += LINE_ENTRIES, bit <<= 1) {
			if (line_is_empty(group + k)) {
				line_fill(group + k, trap);
				continue;
			}
			copied |= bit;
			if (line_lag(group + k, guest + i + k, copy + i + k, trap))
				holes |= bit;
		}
	}
	s->copied = copied;
	s->holes = holes;
	s->lines = ~0ULL;
	s->live &= copied;
}
