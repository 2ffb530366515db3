/* SPDX-License-Identifier: MIT */
#include "tests/guests/slow32/slow32.h"

static void expect_all(u32 n, u32 value)
{
	for (u32 i = 0; i < n; i++) {
		check(read_at(slot(i)) == value, "table %u maps %x, not %x", i, read_at(slot(i)),
		      value);
		/* A table of two levels is shadowed in halves. */
		check(read_at(slot(i) + span() - PAGE_SIZE) == value, "table %u ends in %x", i,
		      read_at(slot(i) + span() - PAGE_SIZE));
	}
}

static void map_tables(u32 n)
{
	for (u32 i = 0; i < n; i++)
		link_slot(i, table_pa(i) | UPPER);
}

static void unsync_all(u32 n, u32 value)
{
	for (u32 i = 0; i < n; i++) {
		unsync(at(table(i), 0));
		unsync(at(table(i), per_table() - 1));
	}
	for (u32 i = 0; i < n; i++)
		fill(table(i), value);
	report("out of sync");
}

/* n page tables are out of sync, with every entry changed, when CR3 is loaded. */
void many_unsynced(u32 n)
{
	for (u32 i = 0; i < n; i++)
		fill(table(i), page_a | LEAF);
	map_tables(n);
	expect_all(n, page_a);
	report("tables made");
	unsync_all(n, page_b | LEAF);
	reload_cr3();
	report("MOV to CR3");
	expect_all(n, page_b);
	reload_cr3();
	report("all of them used again");
	unsync_all(n, page_a | LEAF);
	for (u32 i = 0; i < 64; i++)
		invlpg(BASE - PAGE_SIZE);
	report("INVLPG");
	/* Every entry of their directories is another's, by stores of which each drops one. */
	for (u32 i = 0; i < n; i++)
		link_slot(i, table_pa(n - 1 - i) | UPPER);
	reload_cr3();
	expect_all(n, page_a);
	report("linked the other way round");
}

/* One frame is writable in all entries of n tables; then it becomes a table, and data again. */
void frame_with_many_leaves(u32 n)
{
	u32 frame = table_pa(n);

	entry_set(at(table(n), 0), page_b | LEAF);
	for (u32 i = 0; i < n; i++)
		fill(table(i), frame | LEAF);
	map_tables(n - 1);
	expect_all(n - 1, page_b | LEAF);
	for (u32 i = 0; i < (n - 1) * per_table(); i++)
		*(volatile u32 *)ptr(BASE + i * PAGE_SIZE + 8) = 0;
	report("mapped");
	link_slot(n - 1, frame | UPPER);
	check(read_at(slot(n - 1)) == page_b, "the new table maps %x", read_at(slot(n - 1)));
	report("the frame is a table");
	*(volatile u32 *)ptr(slot(n - 2)) = page_a | LEAF;
	reload_cr3();
	check(read_at(slot(n - 1)) == page_a, "it was changed and still maps %x",
	      read_at(slot(n - 1)));
	for (u32 i = 0; i < per_table(); i++)
		entry_set(at(ptr(BASE + i * PAGE_SIZE), i), page_b | LEAF);
	reload_cr3();
	check(read_at(slot(n - 1)) == page_b, "it was flooded and still maps %x",
	      read_at(slot(n - 1)));
	report("written through its mappings");
}

/* One page table is linked from every slot there is, of several address spaces. */
void table_with_many_parents(u32 n)
{
	u32 space[8];

	(void)n;
	fill(table(0), page_a | LEAF);
	for (u32 i = 0; i < slots(); i++)
		link_slot(i, table_pa(0) | UPPER);
	for (u32 s = 0; s < ARRAY_SIZE(space); s++) {
		space[s] = new_space();
		for (u32 i = 0; i < slots(); i++)
			entry_set(slot_of(space[s], i), table_pa(0) | UPPER);
		write_cr3(space[s]);
		for (u32 i = 0; i < slots(); i++)
			check(read_at(slot(i)) == page_a, "space %u, slot %u", s, i);
	}
	report("linked");
	for (u32 round = 0; round < 2; round++) {
		u32 now = round ? page_a : page_b;

		unsync_all(1, now | LEAF);
		for (u32 s = 0; s < ARRAY_SIZE(space); s++) {
			write_cr3(space[s]);
			for (u32 i = 0; i < slots(); i += 7)
				check(read_at(slot(i) + i * PAGE_SIZE) == now, "space %u, slot %u",
				      s, i);
		}
		report("used again");
	}
	/* Soft traps come and go in it, with trap=structural. */
	for (u32 i = 0; i < 8; i++) {
		entry_set(at(table(0), 7), page_a | (i & 1 ? LEAF : LEAF & ~PTE_A));
		reload_cr3();
	}
	report("A cleared");
	for (u32 i = 0; i < per_table(); i++)
		((volatile u32 *)table(0))[i] = i << 5;
	report("data again");
}

/* Large pages, with every attribute that is kept when they are split, and tables in what they map. */
void regions_with_many_splits(u32 n)
{
	u32 region = (u32)page_alloc(span() / PAGE_SIZE, PAGE_4M);
	u32 half = slots() / 2, pts = n < half ? n : half;

	if (pts > span() / PAGE_SIZE)
		pts = span() / PAGE_SIZE;
	for (u32 i = 0; i < half; i++)
		link_slot(i, region | LEAF | PTE_PS | (i & 1 ? PTE_PWT : 0) |
				     (i & 2 ? PTE_PCD : 0) | (i & 4 ? PTE_PAT_LARGE : 0) |
				     (i & 8 ? PTE_G : 0) | (i >> 4 & 7) << 9);
	for (u32 i = 0; i < pts; i++) {
		entry_set(at(ptr(region + i * PAGE_SIZE), 0), page_a | LEAF);
		link_slot(half + i, (region + i * PAGE_SIZE) | UPPER);
	}
	for (u32 i = 0; i < pts; i++)
		check(read_at(slot(half + i)) == page_a, "table %u", i);
	for (u32 i = 0; i < half; i++)
		check(read_at(slot(i)) == (page_a | LEAF), "large page %u", i);
	report("split");
	for (u32 i = 0; i < pts; i++)
		unsync(ptr(region + i * PAGE_SIZE));
	for (u32 i = 0; i < pts; i++)
		fill(ptr(region + i * PAGE_SIZE), page_b | LEAF);
	reload_cr3();
	report("its tables out of sync");
	for (u32 i = 0; i < pts; i++)
		check(read_at(slot(half + i)) == page_b, "table %u", i);
	/* By way of the large pages. */
	for (u32 i = 0; i < pts; i++)
		entry_set(ptr(slot(i) + i * PAGE_SIZE), page_a | LEAF);
	reload_cr3();
	for (u32 i = 0; i < pts; i++)
		check(read_at(slot(half + i)) == page_a, "table %u", i);
	report("written through large pages");
}

/* A directory all of whose entries lead to itself, with CR0.WP set and clear, and with all rights. */
void table_of_itself(u32 n)
{
	u32 *self = table(0);

	fill(self, table_pa(0) | LEAF);
	for (u32 i = 0; i < 8; i++)
		link_slot(i, table_pa(0) |
				     ((i & 1 ? PTE_U : 0) | (i & 2 ? PTE_W : 0) | PTE_A | PTE_P));
	for (u32 round = 0; round < 4; round++) {
		for (u32 i = 0; i < 8; i++)
			for (u32 j = 0; j < 8; j++)
				check(read_at(slot(i) + j * 17 * PAGE_SIZE) == (table_pa(0) | LEAF),
				      "itself at %u", i);
		write_cr0(read_cr0() ^ CR0_WP);
		report("shadowed");
		for (u32 i = 0; i < n && i < 24; i++) {
			unsync(at(self, i));
			if (i % 8 == 0)
				reload_cr3();
			*(volatile u32 *)ptr(slot(3) + i * PAGE_SIZE + 8 * i) = self[2 * i];
		}
		report("written through itself");
	}
	/* The root's own: a directory is a page table of its address space. */
	link_slot(9, (u32)(is_pae() ? entry_get(at(ptr(paging_root), 3)) & PTE_ADDR : paging_root) |
			     UPPER);
	for (u32 i = 0; i < per_table(); i++)
		(void)*(volatile u32 *)ptr(table_pa(0) + i);
	for (u32 i = 0; i < 64; i++)
		entry_set(at(table(0), i), page_a | LEAF);
	reload_cr3();
	check(read_at(slot(1)) == page_a, "itself no more");
	report("a directory as a table");
}

/* Address spaces with all of n tables each, loaded one after the other while all are out of sync. */
void many_spaces(u32 n)
{
	u32 space[24];

	for (u32 i = 0; i < n; i++)
		fill(table(i), page_a | LEAF);
	for (u32 s = 0; s < ARRAY_SIZE(space); s++) {
		space[s] = new_space();
		for (u32 i = 0; i < n; i++)
			entry_set(slot_of(space[s], i), table_pa((i + s) % n) | UPPER);
		write_cr3(space[s]);
		expect_all(n, page_a);
	}
	report("made");
	for (u32 round = 0; round < 3; round++) {
		u32 now = round & 1 ? page_a : page_b;

		unsync_all(n, now | LEAF);
		for (u32 s = 0; s < ARRAY_SIZE(space); s++)
			write_cr3(space[s]);
		report("MOV to CR3 of each");
		for (u32 s = 0; s < ARRAY_SIZE(space); s++) {
			write_cr3(space[s]);
			check(read_at(slot(s % n)) == now, "space %u", s);
		}
		expect_all(n, now);
	}
	/* All of their upper tables are written at once. */
	for (u32 i = 0; i < n; i++)
		for (u32 s = 0; s < ARRAY_SIZE(space); s++)
			entry_set(slot_of(space[s], i), table_pa(i) | UPPER);
	for (u32 s = 0; s < ARRAY_SIZE(space); s++)
		write_cr3(space[s]);
	expect_all(n, page_b);
	report("their directories written");
}

/* What a walk looks like changes with control registers, while n tables are there. */
void modes(u32 n)
{
	enum paging was = paging_now;

	for (u32 i = 0; i < n; i++)
		fill(table(i), page_a | LEAF | PTE_G);
	map_tables(n);
	for (u32 round = 0; round < 4; round++) {
		expect_all(n, page_a);
		write_cr0(read_cr0() ^ CR0_WP);
		report("CR0.WP");
		for (u32 i = 0; i < n; i++)
			*(volatile u32 *)ptr(slot(i) + 8) = i;
		write_cr4(read_cr4() ^ CR4_PGE);
		report("CR4.PGE");
		expect_all(n, page_a);
		if (!is_pae()) {
			write_cr4(read_cr4() ^ CR4_PSE);
			report("CR4.PSE");
			expect_all(n, page_a);
		}
		write_cr0(read_cr0() ^ (CR0_CD | CR0_NW));
		write_cr0(read_cr0() ^ (CR0_CD | CR0_NW));
		report("CR0.CD");
	}
	/* The other kind's tables and back, and none. */
	for (u32 round = 0; round < 3; round++) {
		unsync_all(n, (round & 1 ? page_a : page_b) | LEAF);
		paging_switch(was == PAGING_PAE ? PAGING_TWO_LEVEL : PAGING_PAE);
		report("other paging");
		paging_switch(PAGING_OFF);
		report("no paging");
		paging_switch(was);
		report("paging again");
		expect_all(n, round & 1 ? page_a : page_b);
	}
}
