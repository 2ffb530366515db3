/* SPDX-License-Identifier: MIT */
/*
 * Every kind of instruction that can write a table entry. Each must leave the entry as on any
 * memory, and the walk must follow: from nothing to present without a flush, from one frame to
 * another with one.
 */
#include "arch/string.h"
#include "tests/guests/paging64/paging64.h"
#include "tests/guests/paging64/ways.h"

#define ASM __asm__ volatile

static void one_way(u32 i)
{
	entry p = e[1] + SLOT;
	u64 va = VA + SLOT * PAGE_SIZE, old = 0;
	static const u32 pages[] = {3, 4, 3};

	for (u32 step = 0; step < ARRAY_SIZE(pages) * 2; step++) {
		u64 v = step & 1 ? 0 : frame[pages[step / 2]] | LEAF;

		ways[i].write(p, old, v);
		check(*p == v, "%s: %lx, not %lx", ways[i].name, *p, v);
		if (step & 1) {
			invlpg(va);
			expect(ways[i].name, sread(va), 0, va);
		} else {
			expect(ways[i].name, sread(va), NO_FAULT, va);
			check(word_at(va) == mark(pages[step / 2]), "%s: wrong page", ways[i].name);
		}
		old = *p;
	}
	/* From one frame straight to another. */
	ways[i].write(p, old, frame[5] | LEAF);
	expect(ways[i].name, sread(va), NO_FAULT, va);
	old = *p;
	ways[i].write(p, old, frame[6] | LEAF);
	invlpg(va);
	expect(ways[i].name, sread(va), NO_FAULT, va);
	check(word_at(va) == mark(6), "%s: still the old page", ways[i].name);
	check(p[1] == 0 && p[-1] == 0, "%s: a neighbour has changed", ways[i].name);
	*p = 0;
	invlpg(va);
}

/* One store that changes parts of two entries, in one table and over the edge of two. */
static void straddle(void)
{
	u64 tables = page_alloc(2, PAGE_SIZE), at[2] = {300, 511};

	fixture_reset();
	e[2][5] = tables | UPPER;
	e[2][6] = (tables + PAGE_SIZE) | UPPER;
	for (u32 i = 0; i < 2; i++) {
		volatile u64 *pte = (u64 *)ptr(tables) + at[i];
		u64 va = VA + 5 * PAGE_2M + at[i] * PAGE_SIZE;

		pte[0] = frame[1] | LEAF;
		pte[1] = frame[2] | LEAF;
		expect("before", sread(va), NO_FAULT, va);
		expect("before", sread(va + PAGE_SIZE), NO_FAULT, va + PAGE_SIZE);
		/* Frames are below 4 GiB: the upper half of the first, the lower of the second. */
		*(volatile u64 *)((uintptr_t)pte + 4) =
			(has_nx ? PTE_NX >> 32 : 0) | (frame[3] | PTE_P) << 32;
		invlpg(va);
		invlpg(va + PAGE_SIZE);
		check(pte[0] == (frame[1] | LEAF | (has_nx ? PTE_NX : 0)), "first entry %lx",
		      pte[0]);
		check(pte[1] == (frame[3] | PTE_P), "second entry %lx", pte[1]);
		if (has_nx)
			expect("NX", sfetch(va), PFEC_P | PFEC_I, va);
		check(word_at(va + PAGE_SIZE) == mark(3), "second page says %lx",
		      word_at(va + PAGE_SIZE));
		expect("read-only", swrite(va + PAGE_SIZE), PFEC_P | PFEC_W, va + PAGE_SIZE + 16);
		/* Take both away by it. */
		pte[0] = frame[1];
		*(volatile u64 *)((uintptr_t)pte + 1) = 0;
		pte[1] = 0;
		invlpg(va);
		invlpg(va + PAGE_SIZE);
		expect("cleared", sread(va), 0, va);
		*(volatile u64 *)((uintptr_t)pte + 4) = (frame[4] | LEAF) << 32;
		expect("set by half", sread(va + PAGE_SIZE), NO_FAULT, va + PAGE_SIZE);
		check(word_at(va + PAGE_SIZE) == mark(4), "set by half: %lx",
		      word_at(va + PAGE_SIZE));
	}
}

/* Many entries by one string instruction, both ways, and over the end of the table. */
static void strings(void)
{
	u64 source[64];
	u64 *at = e[1] + 220, n = 64, *from = source;

	fixture_reset();
	for (u32 i = 0; i < 64; i++)
		source[i] = i % 3 ? frame[i % FRAMES] | LEAF : 0;
	ASM("rep movsq" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
	for (u32 i = 0; i < 64; i++) {
		u64 va = VA + (220 + i) * PAGE_SIZE;

		expect("REP MOVSQ", sread(va), i % 3 ? NO_FAULT : 0, va);
	}
	/* Backwards, one entry down. */
	at = e[1] + 283;
	from = e[1] + 282;
	n = 63;
	ASM("std\n\trep movsq\n\tcld" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
	reload_cr3();
	for (u32 i = 1; i < 64; i++) {
		u64 va = VA + (220 + i) * PAGE_SIZE;

		expect("REP MOVSQ, down", sread(va), (i - 1) % 3 ? NO_FAULT : 0, va);
	}
	at = e[1] + 220;
	n = 64;
	ASM("rep stosq" : "+D"(at), "+c"(n) : "a"(0UL) : "memory");
	reload_cr3();
	for (u32 i = 0; i < 64; i++)
		expect("REP STOSQ", sread(VA + (220 + i) * PAGE_SIZE), 0,
		       VA + (220 + i) * PAGE_SIZE);
}

/* A table's page that holds other data too, and a stack. */
static void mixed_page(void)
{
	volatile u64 *counter = e[1] + 500;

	fixture_reset();
	for (u32 i = 0; i < 100; i++) {
		*counter += 2;
		e[1][400] = frame[i % 4] | LEAF;
		invlpg(VA + 400 * PAGE_SIZE);
		check(word_at(VA + 400 * PAGE_SIZE) == mark(i % 4), "beside a counter, turn %u", i);
	}
	check(*counter == 200, "the counter says %lu", *counter);
	*counter = 0;
}

void test_writes(void)
{
	reg cr0 = read_cr0();

	write_cr0((cr0 & ~(CR0_EM | CR0_TS)) | CR0_MP);
	write_cr4(read_cr4() | CR4_OSFXSR);
	fixture_reset();
	for (u32 i = 0; i < nr_ways; i++)
		one_way(i);
	straddle();
	strings();
	mixed_page();
	write_cr0(cr0);
}
