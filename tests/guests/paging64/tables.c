/* SPDX-License-Identifier: MIT */
/* Tables in unusual places: shared, aliased, mapping themselves, of several levels at once. */
#include "tests/guests/paging64/paging64.h"

#define SELF 20u /* the root entry that points back to the root */

static void expect_page(const char *what, u64 va, u32 page)
{
	expect(what, sread(va), NO_FAULT, va);
	check(word_at(va) == mark(page), "%s: %lx says %lx, not page %u", what, va, word_at(va),
	      page);
}

/* The root mapping itself: the fixture's page table is then seen at an address of its own. */
static void self_map(void)
{
	u64 *root = ptr(paging_root);
	volatile u64 *pte = ptr((u64)SELF << 39 | VA >> 9);

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
	/* The root as its own data page: all four steps of the walk use one entry. */
	check(((volatile u64 *)ptr((u64)SELF << 39 | (u64)SELF << 30 | (u64)SELF << 21 |
				   (u64)SELF << 12))[SELF] == root[SELF],
	      "the root at its own address");
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

/* One page table under two parents with different rights. */
static void two_parents(void)
{
	u64 other = VA + PAGE_2M, third = VA + 2 * PAGE_2M;

	fixture_reset();
	e[2][1] = table_of(e[1]) | PTE_P;
	e[2][2] = table_of(e[1]) | PTE_P | PTE_W;
	set(e[1], frame[0] | PTE_P | PTE_W | PTE_U);
	expect("read by the read-only parent", sread(other), NO_FAULT, other);
	check((e[1][0] & (PTE_A | PTE_D)) == PTE_A, "A and D: %lx", e[1][0]);
	expect("write by the read-only parent", swrite(other), PFEC_P | PFEC_W, other + 16);
	check(!(e[1][0] & PTE_D), "D set by a fault: %lx", e[1][0]);
	expect("user read by it", uread(other), PFEC_P | PFEC_U, other);
	expect("user write by the first parent", uwrite(VA), NO_FAULT, VA);
	check(e[1][0] & PTE_D, "D by the first parent: %lx", e[1][0]);
	expect("write by the read-only parent again", swrite(other), PFEC_P | PFEC_W, other + 16);
	expect("write by the third parent", swrite(third), NO_FAULT, third);
	expect("user write by the third parent", uwrite(third), PFEC_P | PFEC_W | PFEC_U,
	       third + 16);
	/* The shared entry changes: every path must see it. */
	e[1][0] = frame[5] | LEAF;
	invlpg(VA);
	invlpg(other);
	invlpg(third);
	expect_page("first parent", VA, 5);
	expect_page("second parent", other, 5);
	expect_page("third parent", third, 5);
	e[1][0] = 0;
	invlpg(VA);
	invlpg(other);
	invlpg(third);
	expect("first parent, cleared", sread(VA), 0, VA);
	expect("second parent, cleared", sread(other), 0, other);
	expect("third parent, cleared", sread(third), 0, third);
	e[1][0] = frame[6] | LEAF;
	expect_page("second parent, set", other, 6);
	expect_page("third parent, set", third, 6);
	expect_page("first parent, set", VA, 6);
}

/* A shared page directory below two PDPTEs, and a shared PDPT below two PML4Es. */
static void shared_above(void)
{
	fixture_reset();
	e[3][1] = table_of(e[2]) | PTE_P | PTE_U;
	e[4][2] = table_of(e[3]) | PTE_P | PTE_W;
	expect_page("by the other PDPTE", VA + PAGE_1G, 0);
	expect("user write there", uwrite(VA + PAGE_1G), PFEC_P | PFEC_W | PFEC_U,
	       VA + PAGE_1G + 16);
	expect_page("by the other PML4E", VA2, 0);
	expect("user read there", uread(VA2), PFEC_P | PFEC_U, VA2);
	expect("write there", swrite(VA2), NO_FAULT, VA2);
	expect("write through both", swrite(VA2 + PAGE_1G), PFEC_P | PFEC_W, VA2 + PAGE_1G + 16);
	e[2][0] = 0;
	reload_cr3();
	expect("directory entry gone", sread(VA2 + PAGE_1G), 0, VA2 + PAGE_1G);
	expect("directory entry gone", sread(VA + PAGE_1G), 0, VA + PAGE_1G);
	e[2][0] = table_of(e[1]) | UPPER;
	expect_page("directory entry back", VA2 + PAGE_1G, 0);
}

/* Links from above that change while what is below stays. */
static void relink(void)
{
	u64 table = page_alloc(1, PAGE_SIZE), dir = page_alloc(1, PAGE_SIZE);
	u64 link, link3;

	fixture_reset();
	link = *e[2];
	link3 = *e[3];
	*(u64 *)ptr(table) = frame[7] | LEAF;
	*(u64 *)ptr(dir) = table | UPPER;
	expect_page("before", VA, 0);
	set(e[2], table | UPPER);
	expect_page("another page table", VA, 7);
	set(e[2], 0);
	expect("no page table", sread(VA), 0, VA);
	set(e[2], frame2m | LEAF | PTE_PS);
	expect_page("a 2M page", VA, FRAMES);
	set(e[2], link);
	expect_page("the first page table", VA, 0);
	/* Changed while it was not linked. */
	set(e[2], 0);
	e[1][0] = frame[8] | LEAF;
	set(e[2], link);
	expect_page("changed while unlinked", VA, 8);
	set(e[3], dir | UPPER);
	expect_page("another directory", VA, 7);
	set(e[3], 0);
	expect("no directory", sread(VA), 0, VA);
	set(e[3], link3);
	expect_page("the first directory", VA, 8);
	set(e[4], 0);
	expect("no PDPT", sread(VA), 0, VA);
	*e[4] = table_of(e[3]) | UPPER;
	expect_page("the PDPT back", VA, 8);
	/* A table freed, written as data, and used as a table of another level. */
	set(e[2], table | UPPER);
	expect_page("in use", VA, 7);
	set(e[2], link);
	for (u32 i = 0; i < 512; i++)
		((volatile u64 *)ptr(table))[i] = i * 0x1111;
	for (u32 i = 0; i < 512; i++)
		check(((volatile u64 *)ptr(table))[i] == i * 0x1111, "freed table as data, word %u",
		      i);
	for (u32 i = 1; i < 512; i++)
		((volatile u64 *)ptr(table))[i] = 0;
	*(volatile u64 *)ptr(table) = table_of(e[1]) | UPPER;
	set(e[3], table | UPPER);
	expect_page("as a directory", VA, 8);
	expect("as a directory, nothing there", sread(VA + PAGE_2M), 0, VA + PAGE_2M);
}

void test_tables(void)
{
	self_map();
	aliases();
	large_over_tables();
	several_levels();
	two_parents();
	shared_above();
	relink();
}
