/* SPDX-License-Identifier: MIT */
/* Tables of the 32-bit mode that is on: both the 4-byte and the 8-byte kind. */
#include "tests/guests/modes32/modes32.h"

#define ENTRY(e) ((unsigned long long)entry_get(e))

static void bits(void)
{
	entry_t pte = entry_of(VA, 1), pde = entry_of(VA, 2);

	entry_set(pde, entry_get(pde) & ~(u64)PTE_A);
	map(VA, frame[0] | PTE_P | PTE_W);
	reload_cr3();
	expect_page("first read", VA, 0);
	check((entry_get(pte) & (PTE_A | PTE_D)) == PTE_A, "PTE after a read: %llx", ENTRY(pte));
	check((entry_get(pde) & PTE_A) != 0, "PDE after a read: %llx", ENTRY(pde));
	expect("first write", wr(VA), NO_FAULT, VA);
	check((entry_get(pte) & PTE_D) != 0, "PTE after a write: %llx", ENTRY(pte));
	entry_set(pte, entry_get(pte) & ~(u64)PTE_A);
	invlpg(VA);
	expect_page("aged", VA, 0);
	check((entry_get(pte) & PTE_A) != 0, "PTE after aging: %llx", ENTRY(pte));
}

static void rights(void)
{
	map(USER_CODE, user | LEAF);
	probe_set_user(USER_CODE, ptr(user));
	map(VA, frame[1] | PTE_P);
	invlpg(VA);
	expect("read-only, read", rd(VA), NO_FAULT, VA);
	expect("read-only, write", wr(VA), PFEC_P | PFEC_W, VA + 16);
	expect("not the user's", probe(ACCESS_READ, true, VA, 0), PFEC_P | PFEC_U, VA);
	write_cr0(read_cr0() & ~(reg)CR0_WP);
	expect("WP=0", wr(VA), NO_FAULT, VA);
	write_cr0(read_cr0() | CR0_WP);
	expect("WP=1", wr(VA), PFEC_P | PFEC_W, VA + 16);
	map(VA, 0xfffff000);
	invlpg(VA);
	expect("not present", rd(VA), 0, VA);
	map(VA, frame[1] | LEAF);
	expect_page("made present", VA, 1);
}

/* Demand paging, and a flood, over the edge between two page tables. */
static void many(void)
{
	reg first = VA + large_size() - 32 * PAGE_SIZE;

	for (u32 turn = 0; turn < 3; turn++) {
		for (u32 i = 0; i < 64; i++) {
			reg va = first + i * PAGE_SIZE;

			expect("demand", wr(va), PFEC_W, va + 16);
			map(va, frame[(i + turn) % FRAMES] | LEAF);
			expect("demand, mapped", wr(va), NO_FAULT, va);
			check(word_at(va) == mark((i + turn) % FRAMES), "demand: page %u", i);
		}
		for (u32 i = 0; i < 64; i++)
			map(first + i * PAGE_SIZE, frame[i % FRAMES] | PTE_P);
		reload_cr3();
		for (u32 i = 0; i < 64; i++)
			expect("protected", wr(first + i * PAGE_SIZE), PFEC_P | PFEC_W,
			       first + i * PAGE_SIZE + 16);
		for (u32 i = 0; i < 64; i++)
			map(first + i * PAGE_SIZE, i << 1);
		reload_cr3();
	}
}

static void large_pages(void)
{
	reg va = VA + 2 * large_size();
	entry_t pde = entry_of(va, 2);

	entry_set(pde, large | PTE_P | PTE_W | PTE_PS);
	expect_page("large page", va, FRAMES);
	check((entry_get(pde) & (PTE_A | PTE_D)) == PTE_A, "large after a read: %llx", ENTRY(pde));
	expect("large page, end", wr(va + large_size() - PAGE_SIZE), NO_FAULT, va);
	check((entry_get(pde) & PTE_D) != 0, "large after a write: %llx", ENTRY(pde));
	/* The halves of a 4M page are one page: one INVLPG drops both. */
	(void)*(volatile u32 *)ptr(va + large_size() / 2);
	entry_set(pde, 0);
	invlpg(va);
	expect("large page gone", rd(va), 0, va);
	expect("large page gone, far half", rd(va + large_size() / 2), 0, va + large_size() / 2);
	entry_set(pde, large | LEAF | PTE_PS | BIT(paging_now == PAGING_PAE ? 13 : 21));
	expect("large page, reserved bit", rd(va), PFEC_P | PFEC_RSVD, va);
	if (paging_now == PAGING_TWO_LEVEL && cpuid(1, 0).edx & CPUID_1_EDX_PSE36) {
		/* PSE-36: bit 13 is address bit 32, where there is no RAM, and no fault either. */
		entry_set(pde, large | LEAF | PTE_PS | BIT(13));
		invlpg(va);
		expect("PSE-36", rd(va), NO_FAULT, va);
	}
	entry_set(pde, 0);
	invlpg(va);
}

/* The directory as a page table of its own: entries are written by the address that they map. */
static void self_map(void)
{
	reg slot = VA + 8 * large_size();
	/* Where VA's page table is then seen. PAE has four directories; both are in the same. */
	reg pages = slot + (paging_now == PAGING_PAE ? VA >> 21 & 511 : VA >> 22) * PAGE_SIZE;
	entry_t own = entry_of(slot, 2);
	u64 dir = (reg)own & ~(reg)(PAGE_SIZE - 1);
	entry_t pte;

	entry_set(own, dir | UPPER);
	map(VA + 40 * PAGE_SIZE, 0);
	invlpg(VA + 40 * PAGE_SIZE);
	pte = ptr(pages + 40 * (paging_now == PAGING_PAE ? 8 : 4));
	entry_set(pte, frame[3] | LEAF);
	expect_page("by the self map", VA + 40 * PAGE_SIZE, 3);
	entry_set(pte, frame[4] | LEAF);
	invlpg(VA + 40 * PAGE_SIZE);
	expect_page("changed by the self map", VA + 40 * PAGE_SIZE, 4);
	entry_set(own, 0);
	reload_cr3();
	expect("self map gone", rd(pages), 0, pages);
}

static void relink(void)
{
	entry_t pde = entry_of(VA, 2);
	u64 link, other = page_alloc(1, PAGE_SIZE);

	map(VA, frame[0] | LEAF);
	invlpg(VA);
	link = entry_get(pde);
	entry_set(ptr(other), frame[5] | LEAF);
	expect_page("before", VA, 0);
	entry_set(pde, other | UPPER);
	invlpg(VA);
	expect_page("another page table", VA, 5);
	entry_set(pde, large | LEAF | PTE_PS);
	invlpg(VA);
	expect_page("a large page", VA, FRAMES);
	entry_set(pde, link & ~(u64)PTE_W);
	invlpg(VA);
	expect("read-only directory entry", wr(VA), PFEC_P | PFEC_W, VA + 16);
	entry_set(pde, link);
	invlpg(VA);
	expect_page("the first one", VA, 0);
}

void test_tables(void)
{
	bits();
	rights();
	many();
	large_pages();
	self_map();
	relink();
}
