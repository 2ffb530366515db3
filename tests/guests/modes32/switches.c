/* SPDX-License-Identifier: MIT */
/* From mode to mode: off, two-level, PAE, long mode, in every order. */
#include "tests/guests/modes32/modes32.h"

/*
 * To 64-bit mode on these tables, from paging off; write `value` at `va`, read it back together
 * with what the page says, and back to paging off. Returns the value read; *word is the page's.
 */
u32 long_trip(u32 root, u64 va, u32 value, u32 *word);

extern u64 gdt[];

#define LONG_VA 0x0000123456789000

static void show(enum paging kind, u32 i)
{
	reg va = VA + (10 + i) * PAGE_SIZE;

	map(va, frame[i] | LEAF);
	invlpg(va);
	expect_page("in this mode", va, i);
	*(volatile u32 *)ptr(va + 32) = kind;
	check(*(u32 *)ptr(frame[i] + 32) == kind, "written in mode %u: %x", kind,
	      *(u32 *)ptr(frame[i] + 32));
	map(va, 0);
	invlpg(va);
	expect("unmapped", rd(va), 0, va);
	if (i & 1)
		map(va, frame[(i + 1) % FRAMES] | LEAF);
}

static void between_modes(void)
{
	static const enum paging order[] = {PAGING_OFF, PAGING_TWO_LEVEL, PAGING_PAE,
					    PAGING_OFF, PAGING_PAE,       PAGING_TWO_LEVEL};

	for (u32 turn = 0; turn < 5 * ARRAY_SIZE(order); turn++) {
		enum paging kind = order[turn % ARRAY_SIZE(order)];
		u32 i = turn % FRAMES;

		paging_switch(kind);
		if (kind != PAGING_OFF) {
			show(kind, i);
			continue;
		}
		/* Without paging, tables are memory like any other, and VA is a physical address. */
		((volatile u32 *)ptr(frame[i]))[9] = turn;
		check(((volatile u32 *)ptr(frame[i]))[9] == turn, "paging off: frame %u", i);
		check(!(read_cr0() & CR0_PG), "CR0 reads %lx", read_cr0());
	}
}

/* What is mapped with paging off is what is seen when it is on again. */
static void changed_while_off(void)
{
	for (u32 i = 0; i < 2 * FRAMES; i++) {
		enum paging kind = i & 1 ? PAGING_PAE : PAGING_TWO_LEVEL;
		entry_t pte;

		paging_switch(kind);
		map(VA, frame[0] | LEAF);
		invlpg(VA);
		expect_page("before", VA, 0);
		pte = entry_of(VA, 1);
		write_cr0(read_cr0() & ~(reg)CR0_PG);
		entry_set(pte, i & 4 ? 0 : frame[i % FRAMES] | LEAF);
		write_cr0(read_cr0() | CR0_PG);
		if (i & 4)
			expect("cleared while paging was off", rd(VA), 0, VA);
		else
			expect_page("changed while paging was off", VA, i % FRAMES);
	}
}

static u64 *step(u64 *table, u32 index)
{
	if (!(table[index] & PTE_P))
		table[index] = page_alloc(1, PAGE_SIZE) | UPPER;
	return ptr(table[index] & PTE_ADDR);
}

static void long_mode(void)
{
	u32 root = (u32)page_alloc(1, PAGE_SIZE), word;
	u64 *pd, *pt;

	/* This kernel and its stack are between 2 and 16 MiB. */
	pd = step(step(ptr(root), 0), 0);
	for (u32 i = 1; i < 8; i++)
		if (memory_is_ram(i * PAGE_2M, (i + 1) * PAGE_2M))
			pd[i] = i * PAGE_2M | LEAF | PTE_PS;
	pt = step(step(step(ptr(root), LONG_VA >> 39 & 511), LONG_VA >> 30 & 511),
		  LONG_VA >> 21 & 511);
	gdt[6] = 0x00af9b000000ffff;
	for (u32 i = 0; i < 12; i++) {
		u32 got;

		paging_switch(i % 3);
		paging_switch(PAGING_OFF);
		pt[LONG_VA >> 12 & 511] = frame[i % FRAMES] | PTE_P | PTE_W;
		got = long_trip(root, LONG_VA + 64, 0xabc00000 + i, &word);
		check(got == 0xabc00000 + i, "long mode read %x", got);
		check(word == mark(i % FRAMES), "long mode: page %u says %x", i % FRAMES, word);
		check(((u32 *)ptr(frame[i % FRAMES]))[16] == 0xabc00000 + i, "long mode wrote %x",
		      ((u32 *)ptr(frame[i % FRAMES]))[16]);
		check((pt[LONG_VA >> 12 & 511] & (PTE_A | PTE_D)) == (PTE_A | PTE_D),
		      "long mode: A and D");
		check(!(rdmsr(MSR_EFER) & (EFER_LMA | EFER_LME)), "EFER says long mode");
	}
}

void test_switches(void)
{
	between_modes();
	changed_while_off();
	if (cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_LM)
		long_mode();
}
