/* SPDX-License-Identifier: MIT */
/* What the TLB may keep, and what must be seen at once: SDM vol. 3A 4.10. */
#include "tests/guests/paging64/paging64.h"

/* More rights without a flush: at most one spurious fault, then the new rights. */
static void more_rights(const char *what, u64 *entry, u64 less, u64 more, bool user)
{
	struct probe p;

	set(entry, less);
	expect(what, user ? uread(VA) : sread(VA), user && !(less & PTE_U) ? 5 : NO_FAULT, VA);
	*(volatile u64 *)entry = more;
	p = user ? uwrite(VA) : swrite(VA);
	if (p.vector != VECTOR_DONE)
		expect(what, p, PFEC_P | PFEC_W | (user ? PFEC_U : 0), VA + 16);
	expect(what, user ? uwrite(VA) : swrite(VA), NO_FAULT, VA);
}

/* Fewer rights: the old ones may last until the flush, not longer. */
static void fewer_rights(const char *what, u64 *entry, u64 more, u64 less, u32 error)
{
	struct probe p;

	set(entry, more);
	expect(what, uwrite(VA), NO_FAULT, VA);
	*(volatile u64 *)entry = less;
	p = uwrite(VA);
	if (p.vector != VECTOR_DONE)
		expect(what, p, error, VA + 16);
	invlpg(VA);
	expect(what, uwrite(VA), error, VA + 16);
	set(entry, more);
	expect(what, uwrite(VA), NO_FAULT, VA);
	*(volatile u64 *)entry = less;
	reload_cr3();
	expect(what, uwrite(VA), error, VA + 16);
	*(volatile u64 *)entry = more;
	reload_cr3();
}

static void rights(void)
{
	for (u32 level = 1; level <= paging_levels; level++) {
		u64 all = *e[level];

		more_rights("W set", e[level], all & ~PTE_W, all, false);
		more_rights("W set, user", e[level], all & ~PTE_W, all, true);
		more_rights("U set", e[level], all & ~PTE_U, all, true);
		fewer_rights("W cleared", e[level], all, all & ~PTE_W, PFEC_P | PFEC_W | PFEC_U);
		fewer_rights("U cleared", e[level], all, all & ~PTE_U, PFEC_P | PFEC_W | PFEC_U);
		fewer_rights("P cleared", e[level], all, all & ~PTE_P, PFEC_W | PFEC_U);
		set(e[level], all);
	}
}

/* From not present to present there is nothing to flush, whatever went before. */
static void never_stale(void)
{
	for (u32 turn = 0; turn < 200; turn++) {
		u32 level = turn % paging_levels + 1;
		u64 good = *e[level];

		set(e[level], turn & 4 ? good & ~PTE_P : 0);
		for (u32 i = 0; i < turn % 3; i++)
			expect("not present", sread(VA), 0, VA);
		/* Other writes to the same table, as many as a flood has. */
		if (turn & 8 && level == 1)
			for (u32 i = 30; i < 60; i++)
				e[1][i] = frame[i % FRAMES] | LEAF;
		if (turn & 16 && level == 1)
			for (u32 i = 30; i < 60; i++)
				e[1][i] = 0;
		if (turn & 32)
			reload_cr3();
		if (turn & 64)
			expect("not present", uread(VA), PFEC_U, VA);
		*(volatile u64 *)e[level] = good;
		expect("made present", swrite(VA), NO_FAULT, VA);
		check(word_at(VA) == mark(0), "page 0 says %lx", word_at(VA));
	}
}

/* A flood of writes into a table in use; each entry must be right after it, present or not. */
static void flood(void)
{
	for (u32 turn = 0; turn < 6; turn++) {
		for (u32 i = 16; i < 512; i++)
			e[1][i] = (i + turn) % 3 ? frame[(i + turn) % FRAMES] | LEAF
						 : BIT(40) | i << 1;
		if (turn & 1)
			reload_cr3();
		else
			for (u32 i = 16; i < 512; i++)
				invlpg(VA + i * PAGE_SIZE);
		for (u32 i = 16; i < 512; i++) {
			u64 va = VA + i * PAGE_SIZE;

			if ((i + turn) % 3 == 0) {
				expect("flood, not present", sread(va), 0, va);
				*(volatile u64 *)&e[1][i] = frame[i % FRAMES] | LEAF;
				expect("flood, made present", sread(va), NO_FAULT, va);
				check(word_at(va) == mark(i % FRAMES), "flood: page %u", i);
			} else {
				expect("flood, present", swrite(va), NO_FAULT, va);
				check(word_at(va) == mark((i + turn) % FRAMES), "flood: page %u",
				      i);
			}
		}
	}
}

/* Global pages outlive CR3, not CR4.PGE and not INVLPG. */
static void global_pages(void)
{
	u64 good = frame[0] | LEAF | PTE_G;
	struct probe p;

	write_cr4(read_cr4() | CR4_PGE);
	set(e[1], good);
	expect("global", sread(VA), NO_FAULT, VA);
	*e[1] = 0;
	reload_cr3();
	p = sread(VA);
	if (p.vector != VECTOR_DONE)
		expect("global, after CR3", p, 0, VA);
	write_cr4(read_cr4() & ~CR4_PGE);
	expect("global, after CR4.PGE", sread(VA), 0, VA);
	write_cr4(read_cr4() | CR4_PGE);
	set(e[1], good);
	expect("global", sread(VA), NO_FAULT, VA);
	set(e[1], frame[1] | LEAF | PTE_G);
	check(word_at(VA) == mark(1), "global, after INVLPG: %lx", word_at(VA));
	write_cr4(read_cr4() & ~CR4_PGE);
}

/* INVLPG anywhere in a large page drops all of it. */
static void large_flush(void)
{
	u64 last = VA + PAGE_2M - PAGE_SIZE, link = *e[2];

	set(e[2], frame2m | LEAF | PTE_PS);
	for (u64 va = VA; va <= last; va += 64 * PAGE_SIZE - PAGE_SIZE)
		expect("2M page", sread(va), NO_FAULT, va);
	*(volatile u64 *)e[2] = 0;
	invlpg(last - 5 * PAGE_SIZE);
	for (u64 va = VA; va <= last; va += 64 * PAGE_SIZE - PAGE_SIZE)
		expect("2M page gone", sread(va), 0, va);
	set(e[2], link);
}

/* Two roots that share tables: a change made under one is seen after the switch to the other. */
static void two_roots(void)
{
	u64 other = page_alloc(1, PAGE_SIZE), *root = ptr(other);

	for (u32 i = 0; i < 512; i++)
		root[i] = ((u64 *)ptr(paging_root))[i];
	for (u32 turn = 0; turn < 40; turn++) {
		u32 page = turn % FRAMES;

		*(volatile u64 *)e[1] = turn % 5 == 4 ? 0 : frame[page] | LEAF;
		write_cr3(turn & 1 ? paging_root : other);
		if (turn % 5 == 4)
			expect("the other root", sread(VA), 0, VA);
		else
			check(word_at(VA) == mark(page), "the other root: %lx", word_at(VA));
	}
	/* A root that loses an entry while it is not in use. */
	write_cr3(paging_root);
	set(e[1], frame[0] | LEAF);
	root[table_index(VA, paging_levels)] = 0;
	write_cr3(other);
	expect("no entry in this root", sread(VA), 0, VA);
	root[table_index(VA, paging_levels)] = *e[paging_levels];
	expect("an entry again", sread(VA), NO_FAULT, VA);
	write_cr3(paging_root | CR3_PWT);
	check(read_cr3() == (paging_root | CR3_PWT), "CR3 reads %lx", read_cr3());
	write_cr3(paging_root);
}

void test_stale(void)
{
	fixture_reset();
	rights();
	never_stale();
	flood();
	fixture_reset();
	global_pages();
	fixture_reset();
	large_flush();
	two_roots();
}
