/* SPDX-License-Identifier: MIT */
/* Tables in unusual places: shared, aliased, mapping themselves, of several levels at once. */
#include "tests/guests/paging64/paging64.h"

#define SELF 20u /* the root entry that points back to the root */

/* The root mapping itself: the fixture's page table is then seen at an address of its own. */
static void self_map(void)
{
	u64 *root = ptr(paging_root);
	u64 top = 12 + 9 * (paging_levels - 1), self = 0;
	volatile u64 *pte = ptr((u64)SELF << top | VA >> 9);

	for (u32 level = 1; level <= paging_levels; level++)
		self |= (u64)SELF << (12 + 9 * (level - 1));
	fixture_reset();
	root[SELF] = paging_root | PTE_P | PTE_W;
	expect("self map", sread((uintptr_t)pte), NO_FAULT, (uintptr_t)pte);
	check(pte[3] == e[1][3], "self map: %lx, not %lx", pte[3], e[1][3]);
	pte[30] = frame[3] | LEAF;
	expect_page("entry written by the self map", VA + 30 * PAGE_SIZE, 3);
	pte[30] = frame[4] | LEAF;
	invlpg(VA + 30 * PAGE_SIZE);
	expect_page("entry changed by the self map", VA + 30 * PAGE_SIZE, 4);
	pte[30] = 0;
	invlpg(VA + 30 * PAGE_SIZE);
	expect("entry cleared by the self map", sread(VA + 30 * PAGE_SIZE), 0, VA + 30 * PAGE_SIZE);
	/* The root as its own data page: all steps of the walk use one entry. */
	check(((volatile u64 *)ptr(self))[SELF] == root[SELF], "the root at its own address");
	check(root[SELF] & PTE_A, "A of the self map: %lx", root[SELF]);
	root[SELF] = 0;
	reload_cr3();
	expect("self map removed", sread((uintptr_t)pte), 0, (uintptr_t)pte);
}

/* One page table seen at three more addresses; each of them must do. */
static void aliases(void)
{
	u64 table = table_of(e[1]), offset = table & (PAGE_2M - 1);
	volatile u64 *alias[4];

	fixture_reset();
	e[1][7] = table | LEAF;
	e[1][8] = table | LEAF;
	e[2][1] = (table & ~(PAGE_2M - 1)) | LEAF | PTE_PS;
	reload_cr3();
	alias[0] = e[1];
	alias[1] = ptr(VA + 7 * PAGE_SIZE);
	alias[2] = ptr(VA + 8 * PAGE_SIZE);
	alias[3] = ptr(VA + PAGE_2M + offset);
	for (u32 i = 0; i < 64; i++) {
		u64 va = VA + (100 + i % 8) * PAGE_SIZE;

		alias[i % 4][100 + i % 8] = frame[i % 5] | LEAF;
		if (i >= 8)
			invlpg(va);
		expect_page("entry written by an alias", va, i % 5);
		for (u32 a = 0; a < 4; a++)
			check(alias[a][100 + i % 8] == (frame[i % 5] | LEAF), "alias %u differs",
			      a);
	}
	/* A new alias of a page that is in use as a table already. */
	e[1][20] = table | LEAF;
	((volatile u64 *)ptr(VA + 20 * PAGE_SIZE))[120] = frame[2] | LEAF;
	expect_page("entry written by a new alias", VA + 120 * PAGE_SIZE, 2);
}

/* A 2M page that covers the page directory which maps it. */
static void large_over_tables(void)
{
	u64 dir = table_of(e[2]), at = VA + 2 * PAGE_2M;
	volatile u64 *seen = ptr(at + (dir & (PAGE_2M - 1)));

	fixture_reset();
	e[2][2] = (dir & ~(PAGE_2M - 1)) | LEAF | PTE_PS;
	check(seen[2] == ((dir & ~(PAGE_2M - 1)) | LEAF | PTE_PS), "the directory in its own page");
	seen[3] = table_of(e[1]) | UPPER;
	expect_page("directory entry written by what it maps", VA + 3 * PAGE_2M + PAGE_SIZE, 1);
	seen[3] = 0;
	invlpg(VA + 3 * PAGE_2M + PAGE_SIZE);
	expect("directory entry cleared", sread(VA + 3 * PAGE_2M), 0, VA + 3 * PAGE_2M);
	/* The last one that this mapping can do: to end itself. */
	seen[2] = 0;
	invlpg((uintptr_t)seen);
	expect("the mapping ended itself", sread((uintptr_t)seen), 0, (uintptr_t)seen);
}

/* One page used as directory, as page table and as data at the same time. */
static void several_levels(void)
{
	u64 page = page_alloc(1, PAGE_SIZE), *table = ptr(page);

	fixture_reset();
	*entry_of(paging_root, VA2, 2) = page | UPPER;           /* a page table */
	*entry_of(paging_root, VA2 + PAGE_1G, 3) = page | UPPER; /* a directory */
	e[1][10] = page | LEAF;
	invlpg(VA + 10 * PAGE_SIZE);
	table[0] = page | LEAF; /* the page as its own page and its own page table */
	table[1] = frame[1] | LEAF;
	expect_page("by the page table", VA2 + PAGE_SIZE, 1);
	expect_page("by the directory", VA2 + PAGE_1G + PAGE_SIZE, 1);
	check(((volatile u64 *)ptr(VA2))[1] == *(volatile u64 *)&table[1], "the page as data");
	((volatile u64 *)ptr(VA2))[2] = frame[2] | LEAF;
	expect_page("written by the page itself", VA2 + PAGE_1G + 2 * PAGE_SIZE, 2);
	((volatile u64 *)ptr(VA + 10 * PAGE_SIZE))[2] = frame[3] | LEAF;
	reload_cr3();
	expect_page("written as data", VA2 + 2 * PAGE_SIZE, 3);
	expect_page("written as data", VA2 + PAGE_1G + 2 * PAGE_SIZE, 3);
	/* Table one level up: entry 4 of the directory is a 2M page, of the table a 4K page. */
	table[4] = frame2m | LEAF | PTE_PS;
	expect("a 2M page of the directory", sread(VA2 + PAGE_1G + 4 * PAGE_2M), NO_FAULT,
	       VA2 + PAGE_1G + 4 * PAGE_2M);
	expect_page("a 4K page of the table", VA2 + 4 * PAGE_SIZE, FRAMES);
}

void test_tables(void)
{
	self_map();
	aliases();
	large_over_tables();
	several_levels();
}
