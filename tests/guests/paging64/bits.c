/* SPDX-License-Identifier: MIT */
/* Accessed and dirty bits: SDM vol. 3A 4.8. */
#include "tests/guests/paging64/paging64.h"

/* Make VA's leaf an entry of this level, its address at VA itself for 4K and 2M pages. */
static u64 make_leaf(u32 level)
{
	switch (level) {
	case 1:
		return VA;
	case 2:
		set(e[2], frame2m | LEAF | PTE_PS);
		return VA;
	default:
		/* Physical memory from 0 on; the fixture's frame is somewhere in it. */
		set(e[3], LEAF | PTE_PS);
		return VA + frame[0];
	}
}

/* One access with A and D clear where the masks say; every level must end as the SDM has it. */
static void one_access(u32 leaf, u32 clear_a, bool clear_d, enum access access, bool user)
{
	u32 top = paging_levels;
	u64 va, before[6];
	struct probe p;

	fixture_reset();
	va = make_leaf(leaf);
	for (u32 level = leaf; level <= top; level++) {
		if (clear_a & BIT(level))
			*e[level] &= ~PTE_A;
		if (level == leaf && clear_d)
			*e[level] &= ~PTE_D;
		before[level] = *e[level];
	}
	reload_cr3();
	p = probe(access, user, access == ACCESS_WRITE ? va + 16 : va, 0);
	expect("access", p, NO_FAULT, va);
	for (u32 level = leaf; level <= top; level++) {
		u64 want = before[level] | PTE_A;

		if (level == leaf && access == ACCESS_WRITE)
			want |= PTE_D;
		check(*e[level] == want, "level %u of leaf %u after access %u: %lx, not %lx", level,
		      leaf, access, *e[level], want);
	}
}

/* Reading first, then writing: D must come with the write, on what is mapped already. */
static void read_then_write(u32 leaf)
{
	u64 va;

	fixture_reset();
	va = make_leaf(leaf);
	set(e[leaf], *e[leaf] & ~(PTE_A | PTE_D));
	reload_cr3();
	expect("read", sread(va), NO_FAULT, va);
	check((*e[leaf] & (PTE_A | PTE_D)) == PTE_A, "leaf %u after a read: %lx", leaf, *e[leaf]);
	expect("write", swrite(va), NO_FAULT, va);
	check((*e[leaf] & (PTE_A | PTE_D)) == (PTE_A | PTE_D), "leaf %u after a write: %lx", leaf,
	      *e[leaf]);
	/* Cleared and flushed, as an aging scanner and a write-back do: set again. */
	*e[leaf] &= ~(PTE_A | PTE_D);
	invlpg(va);
	expect("read again", sread(va), NO_FAULT, va);
	check((*e[leaf] & (PTE_A | PTE_D)) == PTE_A, "leaf %u after aging: %lx", leaf, *e[leaf]);
	*e[leaf] &= ~PTE_D;
	invlpg(va);
	expect("write again", swrite(va), NO_FAULT, va);
	check(*e[leaf] & PTE_D, "leaf %u, D cleared and written again: %lx", leaf, *e[leaf]);
}

/* A faulting access sets no D, and a not-present entry is never touched. */
static void faults_set_nothing(void)
{
	fixture_reset();
	set(e[1], frame[0] | PTE_P | PTE_U);
	expect("write to a read-only page", swrite(VA), PFEC_P | PFEC_W, VA + 16);
	check(!(*e[1] & PTE_D), "D set by a fault: %lx", *e[1]);
	set(e[1], frame[0] | PTE_W | PTE_U);
	expect("read of a page that is not present", sread(VA), 0, VA);
	check(*e[1] == (frame[0] | PTE_W | PTE_U), "a not-present entry was changed: %lx", *e[1]);
}

/* The CPU sets A and D whatever rights the table's own page has, and keeps all other bits. */
static void table_mapped_read_only(void)
{
	const u64 ignored = BIT(9) | BIT(10) | BIT(11) | GENMASK(58, 52);
	u64 alias = VA + 5 * PAGE_SIZE;

	fixture_reset();
	e[1][5] = table_of(e[1]) | PTE_P; /* the page table, readable at VA + 5 pages */
	e[1][6] = frame[6] | PTE_P | PTE_W | ignored | PTE_PCD | PTE_PWT;
	reload_cr3();
	expect("write through a read-only alias of the table", swrite(alias), PFEC_P | PFEC_W,
	       alias + 16);
	expect("write", swrite(VA + 6 * PAGE_SIZE), NO_FAULT, VA + 6 * PAGE_SIZE);
	check(((volatile u64 *)ptr(alias))[6] ==
		      (frame[6] | PTE_P | PTE_W | PTE_A | PTE_D | ignored | PTE_PCD | PTE_PWT),
	      "entry after a write: %lx", e[1][6]);
	check(word_at(VA + 6 * PAGE_SIZE) == mark(6), "page 6 says %lx",
	      word_at(VA + 6 * PAGE_SIZE));
}

void test_bits(void)
{
	static const u32 clear_a[] = {0, BIT(1), BIT(2), BIT(3), BIT(4), BIT(5), GENMASK(5, 1)};

	for (u32 leaf = 1; leaf <= (has_1g ? 3 : 2); leaf++) {
		for (u32 kind = 0; kind < 12; kind++) {
			for (u32 i = 0; i < ARRAY_SIZE(clear_a); i++)
				one_access(leaf, clear_a[i], kind & 1, kind / 2 % 3, kind / 6);
		}
		read_then_write(leaf);
	}
	faults_set_nothing();
	table_mapped_read_only();
}
