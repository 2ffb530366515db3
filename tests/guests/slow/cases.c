/* SPDX-License-Identifier: MIT */
#include "tests/guests/slow/slow.h"

/* PDs from table(0) on, of n page tables at table(at); returns the number of PDs. */
static u32 map_tables(u32 at, u32 n)
{
	u32 pds = (n + 511) / 512;
	u64 *pdpt = table(pds);

	for (u32 i = 0; i < n; i++)
		table(i / 512)[i % 512] = table_pa(at + i) | UPPER;
	for (u32 i = 0; i < pds; i++)
		pdpt[i] = table_pa(i) | UPPER;
	((u64 *)ptr(paging_root))[1] = table_pa(pds) | UPPER;
	return pds;
}

static u64 at_table(u32 i)
{
	return SLOT(1) + (u64)i * PAGE_2M;
}

static void expect_all(u32 n, u64 value)
{
	for (u32 i = 0; i < n; i++)
		check(read_at(at_table(i)) == value, "table %u maps %lx, not %lx", i,
		      read_at(at_table(i)), value);
}

/* n page tables are out of sync, with every entry changed, when CR3 is loaded. */
void many_unsynced(u32 n)
{
	u32 at = 12;

	for (u32 i = 0; i < n; i++)
		fill(table(at + i), page_a | LEAF);
	map_tables(at, n);
	expect_all(n, page_a);
	report("tables made");
	for (u32 i = 0; i < n; i++)
		unsync(table(at + i));
	for (u32 i = 0; i < n; i++)
		fill(table(at + i), page_b | LEAF);
	report("out of sync");
	reload_cr3();
	report("MOV to CR3");
	expect_all(n, page_b);
	reload_cr3();
	report("all of them used again");
	/* The same, for INVLPG in vain and a link that makes them reachable in another way. */
	for (u32 i = 0; i < n; i++)
		unsync(table(at + i));
	for (u32 i = 0; i < n; i++)
		fill(table(at + i), page_a | LEAF);
	for (u32 i = 0; i < 64; i++)
		invlpg(0x1000);
	report("INVLPG");
	((u64 *)ptr(paging_root))[2] = ((u64 *)ptr(paging_root))[1];
	check(read_at(SLOT(2)) == page_a, "another way shows %lx", read_at(SLOT(2)));
	report("linked again");
	reload_cr3();
	expect_all(n, page_a);
}

/* The same for tables of the level above, of which INVLPG alone asks for all. */
void many_unsynced_uppers(u32 n)
{
	u32 at = 8;
	u64 pt = table_pa(4), other = table_pa(5);

	fill(table(4), page_a | LEAF);
	fill(table(5), page_b | LEAF);
	for (u32 i = 0; i < n; i++)
		fill(table(at + i), pt | UPPER);
	for (u32 i = 0; i < n; i++)
		table(i / 512)[i % 512] = table_pa(at + i) | UPPER;
	for (u32 i = 0; i < n; i += 512)
		((u64 *)ptr(paging_root))[1 + i / 512] = table_pa(i / 512) | UPPER;
	for (u32 round = 0; round < 2; round++) {
		for (u32 i = 0; i < n; i++)
			check(read_at(SLOT(1) + (u64)i * PAGE_1G) == (round ? page_b : page_a),
			      "directory %u is another", i);
		report("directories made");
		for (u32 i = 0; i < n; i++)
			unsync(table(at + i));
		for (u32 i = 0; i < n; i++)
			fill(table(at + i), (round ? pt : other) | UPPER);
		report("out of sync");
		if (round)
			reload_cr3();
		else
			invlpg(SLOT(1));
		report(round ? "MOV to CR3" : "INVLPG");
		reload_cr3();
	}
	for (u32 i = 0; i < n; i++)
		check(read_at(SLOT(1) + (u64)i * PAGE_1G) == page_a, "directory %u is not back", i);
}

/* One frame is writable in n * 512 entries; then it becomes a table, and data again. */
void frame_with_many_leaves(u32 n)
{
	u32 at = 12;
	u64 frame = table_pa(n + 12);

	table(n + 12)[0] = page_b | LEAF;
	for (u32 i = 0; i < n; i++)
		fill(table(at + i), frame | LEAF);
	map_tables(at, n);
	expect_all(n, page_b | LEAF);
	report("mapped");
	table(n + 13)[0] = frame | UPPER;
	table(n + 14)[0] = table_pa(n + 13) | UPPER;
	((u64 *)ptr(paging_root))[3] = table_pa(n + 14) | UPPER;
	check(read_at(SLOT(3)) == page_b, "the new table maps %lx", read_at(SLOT(3)));
	report("the frame is a table");
	/* Written through the last of its many mappings. */
	*(volatile u64 *)ptr(at_table(n - 1) + 511 * PAGE_SIZE) = page_a | LEAF;
	reload_cr3();
	check(read_at(SLOT(3)) == page_a, "it was changed and still maps %lx", read_at(SLOT(3)));
	for (u32 i = 0; i < 512; i++)
		*(volatile u64 *)ptr(at_table(n / 2) + i * PAGE_SIZE + 8 * i) = page_b | LEAF;
	reload_cr3();
	check(read_at(SLOT(3)) == page_b, "it was flooded and still maps %lx", read_at(SLOT(3)));
	report("written through its mappings");
}

/* One page table is linked from n * 512 entries; it goes out of sync, comes back, and goes away. */
void table_with_many_parents(u32 n)
{
	u64 pt = table_pa(n + 12), *entries = table(n + 12), pds = n < 512 ? n : 512;

	fill(entries, page_a | LEAF);
	for (u32 i = 0; i < pds; i++) {
		fill(table(1 + i), pt | UPPER);
		table(0)[i] = table_pa(1 + i) | UPPER;
	}
	((u64 *)ptr(paging_root))[1] = table_pa(0) | UPPER;
	for (u32 i = 0; i < pds; i++)
		check(read_at(SLOT(1) + i * PAGE_1G) == page_a, "parent %u", i);
	report("linked");
	for (u32 round = 0; round < 2; round++) {
		u64 now = round ? page_a : page_b;

		unsync(entries);
		fill(entries, now | LEAF);
		report("out of sync");
		reload_cr3();
		for (u32 i = 0; i < pds; i++)
			check(read_at(SLOT(1) + i * PAGE_1G + i * PAGE_2M) == now, "parent %u", i);
		report("used again");
	}
	/* Soft traps come and go in it, with trap=structural. */
	for (u32 i = 0; i < 8; i++) {
		((volatile u64 *)entries)[7] = page_a | (i & 1 ? LEAF : LEAF & ~PTE_A);
		reload_cr3();
	}
	report("A cleared");
	for (u32 i = 0; i < 512; i++)
		((volatile u64 *)table(1))[i] = 0;
	/* The table is data: its shadow goes, with all that lead there. */
	fill(table(0), 0);
	for (u32 i = 0; i < 512; i++)
		((volatile u64 *)entries)[i] = i;
	report("data again");
}

/* n * 512 large pages map one region, in which a frame becomes a table. */
void region_with_many_leaves(u32 n)
{
	u64 region = page_alloc(512, PAGE_2M);
	u64 *pt = ptr(region + 5 * PAGE_SIZE), pds = n < 512 ? n : 512;

	pt[0] = page_a | LEAF;
	for (u32 i = 0; i < pds; i++) {
		fill(table(1 + i), region | LEAF | PTE_PS);
		table(0)[i] = table_pa(1 + i) | UPPER;
	}
	((u64 *)ptr(paging_root))[1] = table_pa(0) | UPPER;
	for (u32 i = 0; i < pds; i++)
		check(read_at(SLOT(1) + i * PAGE_1G + 5 * PAGE_SIZE) == (page_a | LEAF), "page %u",
		      i);
	report("mapped");
	table(n + 12)[0] = (region + 5 * PAGE_SIZE) | UPPER;
	table(n + 13)[0] = table_pa(n + 12) | UPPER;
	((u64 *)ptr(paging_root))[2] = table_pa(n + 13) | UPPER;
	check(read_at(SLOT(2)) == page_a, "the new table maps %lx", read_at(SLOT(2)));
	report("a frame is a table");
	*(volatile u64 *)ptr(SLOT(1) + 511 * PAGE_2M + 5 * PAGE_SIZE) = page_b | LEAF;
	reload_cr3();
	check(read_at(SLOT(2)) == page_b, "it was changed and still maps %lx", read_at(SLOT(2)));
	report("written");
}

/* Large pages of one region, with every attribute that a direct table keeps, beside tables in it. */
void region_with_many_splits(u32 n)
{
	u64 region = page_alloc(512, PAGE_2M);
	u32 pts = n < 256 ? n : 256;

	for (u32 i = 0; i < 512; i++)
		table(1)[i] = region | LEAF | PTE_PS | (i & 1 ? PTE_PWT : 0) |
			      (i & 2 ? PTE_PCD : 0) | (i & 4 ? PTE_PAT_LARGE : 0) |
			      (i & 8 ? PTE_G : 0) | (u64)(i >> 4 & 15) << 59;
	table(0)[0] = table_pa(1) | UPPER;
	((u64 *)ptr(paging_root))[1] = table_pa(0) | UPPER;
	/* Tables of the region itself. */
	for (u32 i = 0; i < pts; i++) {
		((u64 *)ptr(region + i * PAGE_SIZE))[0] = page_a | LEAF;
		table(3)[i] = (region + i * PAGE_SIZE) | UPPER;
	}
	table(2)[0] = table_pa(3) | UPPER;
	((u64 *)ptr(paging_root))[2] = table_pa(2) | UPPER;
	for (u32 i = 0; i < pts; i++)
		check(read_at(SLOT(2) + i * PAGE_2M) == page_a, "table %u", i);
	for (u32 i = 0; i < 512; i++)
		check(read_at(SLOT(1) + i * PAGE_2M) == (page_a | LEAF), "large page %u", i);
	report("split");
	for (u32 i = 0; i < pts; i++)
		unsync(ptr(region + i * PAGE_SIZE));
	for (u32 i = 0; i < pts; i++)
		fill(ptr(region + i * PAGE_SIZE), page_b | LEAF);
	reload_cr3();
	report("its tables out of sync");
	for (u32 i = 0; i < pts; i++)
		check(read_at(SLOT(2) + i * PAGE_2M) == page_b, "table %u", i);
}

/* n directories of 1G pages past RAM, each page another direct table, all out of sync at once. */
void far_splits(u32 n)
{
	u32 pdpts = n < 128 ? n : 128;

	if (!(cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_PAGE1GB))
		return;
	fill(table(1), page_a | LEAF);
	fill(table(2), table_pa(1) | UPPER);
	for (u32 i = 0; i < pdpts; i++) {
		for (u32 j = 0; j < 511; j++)
			table(4 + i)[j] = (u64)(16 + j % 480) << 30 | LEAF | PTE_PS |
					  (i & 1 ? PTE_PWT : 0) | (i & 2 ? PTE_PCD : 0) |
					  (i & 4 ? PTE_G : 0) | (u64)(i >> 3 & 15) << 59;
		table(4 + i)[511] = table_pa(2) | UPPER;
		((u64 *)ptr(paging_root))[1 + i] = table_pa(4 + i) | UPPER;
	}
	for (u32 i = 0; i < pdpts; i++) {
		check(read_at(SLOT(1 + i) + 511 * PAGE_1G) == page_a, "directory %u", i);
		for (u32 j = 0; j < 32; j++)
			(void)read_at(SLOT(1 + i) + (j * 15 + i % 15) * PAGE_1G);
	}
	report("split");
	for (u32 i = 0; i < pdpts; i++)
		unsync(table(4 + i));
	for (u32 i = 0; i < pdpts; i++)
		for (u32 j = 0; j < 511; j++)
			table(4 + i)[j] ^= PTE_PCD;
	reload_cr3();
	report("out of sync");
	for (u32 i = 0; i < pdpts; i++)
		check(read_at(SLOT(1 + i) + 511 * PAGE_1G) == page_a, "directory %u", i);
}

/* A table all of whose entries lead to itself, under each of CR0.WP's faces and rights. */
void table_of_itself(u32 n)
{
	u64 *self = table(0);

	fill(self, table_pa(0) | LEAF);
	for (u32 i = 1; i < 9; i++)
		((u64 *)ptr(paging_root))[i] =
			table_pa(0) | ((i & 1 ? PTE_U : 0) | (i & 2 ? PTE_W : 0) | PTE_A | PTE_P);
	for (u32 round = 0; round < 4; round++) {
		for (u32 i = 1; i < 9; i++)
			for (u32 j = 0; j < 8; j++)
				check(read_at(SLOT(i) + (u64)j * (PAGE_1G + PAGE_2M)) ==
					      (table_pa(0) | LEAF),
				      "itself at %u", i);
		write_cr0(read_cr0() ^ CR0_WP);
		report("shadowed");
		for (u32 i = 0; i < n && i < 24; i++) {
			unsync(&self[i]);
			if (i % 8 == 0)
				reload_cr3();
			*(volatile u64 *)ptr(SLOT(3) + i * PAGE_SIZE + 8 * i) = self[i];
		}
		report("written through itself");
	}
	fill(self, 0);
}

/* n page tables under one directory pointer each way round, dropped by one store. */
void wide_tree(u32 n)
{
	u32 at = 12, pds = map_tables(at, n);

	for (u32 i = 0; i < n; i++)
		fill(table(at + i), page_a | LEAF);
	for (u32 i = 1; i < 256; i++)
		((u64 *)ptr(paging_root))[i] = table_pa(pds) | UPPER;
	expect_all(n, page_a);
	for (u32 i = 1; i < 256; i++)
		check(read_at(SLOT(i)) == page_a, "slot %u", i);
	report("made");
	for (u32 i = 0; i < pds; i++)
		fill(table(i), 0);
	report("its directories are empty");
	for (u32 i = 0; i < n; i++)
		table(i / 512)[i % 512] = table_pa(at + i) | UPPER;
	expect_all(n, page_a);
	/* Every table below goes by one store. */
	((volatile u64 *)table(pds))[0] = 0;
	for (u32 i = 0; i < 64; i++)
		(void)cpuid(0, 0);
	report("dropped by one store");
	((volatile u64 *)table(pds))[0] = table_pa(0) | UPPER;
	reload_cr3();
	expect_all(n, page_a);
	report("and taken up again");
}
