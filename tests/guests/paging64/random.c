/* SPDX-License-Identifier: MIT */
/*
 * A random workload on one page directory: map, unmap, protect, flood, relink, switch roots,
 * always flushing what the architecture wants flushed, so that each access has one right outcome.
 */
#include "tests/guests/paging64/paging64.h"

#include "guest/builtin/lib/guest.h"

#define TABLES 4
#define STEPS  6000

static u64 state;

static u32 pick(u32 n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (u32)((state >> 32) % n);
}

static u64 *table[TABLES];

/* What an access of a page must do, by walking the tables as the CPU would. */
static u32 outcome(u32 dir, u32 index, bool write, u64 *pte)
{
	u64 pde = e[2][dir];
	u32 w = write ? PFEC_W : 0;

	*pte = 0;
	if (!(pde & PTE_P))
		return w;
	*pte = ((u64 *)ptr(pde & PTE_ADDR))[index];
	if (!(*pte & PTE_P))
		return w;
	return write && !(pde & *pte & PTE_W) ? PFEC_P | w : NO_FAULT;
}

static void access_one(u32 dir, u32 index)
{
	u64 va = VA + dir * PAGE_2M + index * PAGE_SIZE, pte;
	bool write = pick(2);
	u32 want = outcome(dir, index, write, &pte);

	expect("random access", write ? swrite(va) : sread(va), want,
	       write && want != NO_FAULT ? va + 16 : va);
	if (want == NO_FAULT) {
		u64 now = ((volatile u64 *)ptr(e[2][dir] & PTE_ADDR))[index];
		u64 bits = PTE_A | (write ? PTE_D : 0);

		check((now & bits) == bits && !((now ^ pte) & ~(PTE_A | PTE_D)),
		      "random: entry %lx was %lx", now, pte);
		check(word_at(va) == ((volatile u64 *)ptr(pte & PTE_ADDR))[1],
		      "random: wrong page");
	}
}

/* Drop a page's translations at every place where its table is linked. */
static void flush_page(u32 t, u32 index)
{
	for (u32 dir = 0; dir < TABLES; dir++)
		if ((e[2][dir] & PTE_ADDR) == (uintptr_t)table[t])
			invlpg(VA + dir * PAGE_2M + index * PAGE_SIZE);
}

static u64 random_entry(void)
{
	u64 entry = frame[pick(FRAMES)] | PTE_P | (pick(3) ? PTE_W : 0);

	return pick(4) ? entry | PTE_A | (pick(2) ? PTE_D : 0) : entry;
}

static void change_one(u32 t, u32 index)
{
	volatile u64 *pte = &table[t][index];
	u64 old = *pte;

	*pte = pick(3) ? random_entry() : pick(2) ? 0 : state & ~PTE_P;
	if (old & PTE_P)
		flush_page(t, index);
}

static void step(void)
{
	u32 t = pick(TABLES), index = pick(24), what = pick(100);

	if (what < 45) {
		access_one(t, index);
	} else if (what < 80) {
		change_one(t, index);
	} else if (what < 85) {
		/* Protect all of a table, or unmap it, one flush at the end. */
		bool unmap = pick(2);

		for (u32 i = 0; i < 24; i++)
			*(volatile u64 *)&table[t][i] =
				unmap || !(table[t][i] & PTE_P) ? 0 : table[t][i] & ~PTE_W;
		reload_cr3();
	} else if (what < 88) {
		for (u32 i = 0; i < 24; i++) {
			u64 old = table[t][i];

			*(volatile u64 *)&table[t][i] = random_entry();
			if (old & PTE_P)
				flush_page(t, i);
		}
	} else if (what < 92) {
		reload_cr3();
	} else if (what < 96) {
		/* Another table under this directory entry, or none, or fewer rights. */
		*(volatile u64 *)&e[2][t] =
			pick(5) ? (uintptr_t)table[pick(TABLES)] | PTE_P | (pick(4) ? PTE_W : 0)
				: 0;
		reload_cr3();
	} else {
		for (u32 i = 0; i < 24; i++)
			access_one(t, i);
	}
}

void test_random(void)
{
	u32 seed = guest_option_number("seed", 1), steps = guest_option_number("steps", STEPS);

	fixture_reset();
	state = seed * 0x9e3779b97f4a7c15 + 1;
	for (u32 t = 0; t < TABLES; t++) {
		table[t] = ptr(page_alloc(1, PAGE_SIZE));
		e[2][t] = (uintptr_t)table[t] | PTE_P | PTE_W;
	}
	reload_cr3();
	for (u32 i = 0; i < steps; i++)
		step();
}
