/* SPDX-License-Identifier: MIT */
/*
 * Address spaces that end. A kernel unmaps all that is in one, then takes its tables apart from below, an upper
 * entry at a time. When the first page table goes and those that are left map nothing, the whole tree is dropped at
 * once, and none of the entries that the guest has still to clear is a write to a table any more.
 *
 * To drop a table is always right. A space that was not about to end has its tables made anew.
 */
#include "mm/shadow/lines.h"
#include "mm/shadow/lives.h"

/* What is looked through before a tree is taken to be alive. */
#define DYING_TABLES 32

/* Roots that share one space's tables: page-table isolation has two. What more lead to is not one space's. */
#define SPACE_ROOTS 2

/* Invariant 20: a line of a synced table that is all zeros stands for entries that are not present. */
static bool page_table_is_empty(const struct mmu *m, const struct shadow *s)
{
	const u64 *guest = phys_ptr(s->gfn << PAGE_SHIFT);

	for (u64 lines = s->lines; lines; lines &= lines - 1) {
		if (!line_is_empty(guest + (u32)__builtin_ctzll(lines) * LINE_ENTRIES))
			return false;
	}
	return frame_of(m, s->gfn) != NULL;
}

static bool maps_nothing(const struct mmu *m, u32 index, u32 *tables);

/* A user's link to what maps nothing, or none; of a root, a link that is the kernel's. */
static bool leads_to_nothing(const struct mmu *m, const struct shadow *s, u64 spte, u32 *tables)
{
	u32 child;

	if (!spte_is_present(spte, m->trap_bits) || (!s->parents && !(spte & PTE_U)))
		return true;
	if (!spte_is_link(s->role.level, spte) || !(spte & PTE_U))
		return false;
	child = spte_child(m, spte);
	return list_length(m, m->shadows[child].parents) <= SPACE_ROOTS &&
	       maps_nothing(m, child, tables);
}

static bool maps_nothing(const struct mmu *m, u32 index, u32 *tables)
{
	const struct shadow *s = &m->shadows[index];
	u64 live = s->parents ? s->live : s->live & LOWER_HALF;

	if (s->role.direct || s->role.format != GPTE_64 || !(*tables)--)
		return false;
	if (s->role.level == 1)
		return page_table_is_empty(m, s);
	for (; live; live &= live - 1) {
		const u64 *line = table_of(m, index) + (u32)__builtin_ctzll(live) * LINE_ENTRIES;

		for (u32 i = 0; i < LINE_ENTRIES; i++) {
			if (!leads_to_nothing(m, s, line[i], tables))
				return false;
		}
	}
	return true;
}

/*
 * What a root's user links lead to is dropped, but for another CPU's root; what is below becomes orphans, for
 * settle().
 */
static void drop_tree(struct mmu_vcpu *v, u32 root)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[root];

	for (u64 live = s->live & LOWER_HALF; live; live &= live - 1) {
		const u64 *line = table_of(m, root) + (u32)__builtin_ctzll(live) * LINE_ENTRIES;

		for (u32 i = 0; i < LINE_ENTRIES; i++) {
			if (spte_is_present(line[i], m->trap_bits) && (line[i] & PTE_U) &&
			    !m->shadows[spte_child(m, line[i])].pins)
				shadow_zap(v, spte_child(m, line[i]), true);
		}
	}
}

void page_table_went(struct mmu_vcpu *v, u32 index)
{
	struct mmu *m = v->mmu;
	u32 tables = DYING_TABLES;
	bool ends;

	while (m->shadows[index].parents)
		index = slot_table(m->shadows[index].parents);
	if (m->shadows[index].role.level < 4 || m->shadows[index].stale)
		return;
	ends = maps_nothing(m, index, &tables);
	m->work += (DYING_TABLES - tables) * WORK_TABLE;
	if (!ends)
		return;
	drop_tree(v, index);
	if (!m->shadows[index].pins)
		shadow_zap(v, index, true);
	else if (m->sync != MMU_SYNC_ALWAYS)
		frame_unsync(v, m->shadows[index].gfn);
}
