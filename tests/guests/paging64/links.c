/* SPDX-License-Identifier: MIT */
/* Tables below several parents, and parents whose tables change. */
#include "tests/guests/paging64/paging64.h"

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

void test_links(void)
{
	two_parents();
	shared_above();
	relink();
}
