/* SPDX-License-Identifier: MIT */
/* What only five levels have: PML5Es shared and relinked, CR4.LA57, far addresses. */
#include "tests/guests/paging64/paging64.h"

#define FAR  (VA + (4ULL << 48)) /* another PML5E */
#define HIGH (GENMASK(63, 57) | 256ULL << 48 | 511ULL << 39)

extern const char load_cr4_code[];
__asm__(".section .text\n"
	"load_cr4_code: mov %rax, %cr4\n"
	"int $0x80\n");

static struct probe load_cr4(u64 value)
{
	return probe_run((uintptr_t)load_cr4_code, false, 0, 0, value);
}

/* LA57 stays as it is while long mode is on: SDM vol. 3A 4.1.1. */
static void la57_stays(void)
{
	u64 cr4 = read_cr4();
	struct probe p;

	check(cr4 & CR4_LA57, "CR4 reads %lx", cr4);
	p = load_cr4(cr4 & ~CR4_LA57);
	check(p.vector == VEC_GP && p.error == 0, "LA57 cleared: vector %u error %x", p.vector,
	      p.error);
	check(read_cr4() == cr4, "CR4 after it reads %lx, not %lx", read_cr4(), cr4);
	p = load_cr4(cr4);
	check(p.vector == VECTOR_DONE, "CR4 written as it was: vector %u", p.vector);
}

/* One PML4 below two PML5Es with different rights. */
static void shared_pml4(void)
{
	u64 *far = entry_of(paging_root, FAR, 5);

	fixture_reset();
	*(volatile u64 *)far = table_of(e[4]) | PTE_P;
	expect_page("by the other PML5E", FAR, 0);
	check(*far & PTE_A, "A of the other PML5E: %lx", *far);
	expect("write there", swrite(FAR), PFEC_P | PFEC_W, FAR + 16);
	expect("user read there", uread(FAR), PFEC_P | PFEC_U, FAR);
	expect("write by the first", uwrite(VA), NO_FAULT, VA);
	e[1][0] = frame[5] | LEAF;
	invlpg(VA);
	invlpg(FAR);
	expect_page("changed, by the first", VA, 5);
	expect_page("changed, by the other", FAR, 5);
	*(volatile u64 *)far = table_of(e[4]) | UPPER;
	invlpg(FAR);
	expect("more rights", uwrite(FAR), NO_FAULT, FAR);
	*(volatile u64 *)far = 0;
	invlpg(FAR);
	expect("gone", sread(FAR), 0, FAR);
	expect("gone", sread(FAR), 0, FAR);
	*(volatile u64 *)far = table_of(e[4]) | UPPER;
	expect_page("back, with no flush", FAR, 5);
	*(volatile u64 *)far = 0;
	invlpg(FAR);
}

/* A PML5E that leads to another PML4, and its table used as one of another level. */
static void relink(void)
{
	u64 pml4 = page_alloc(1, PAGE_SIZE), link;

	fixture_reset();
	link = *e[5];
	((volatile u64 *)ptr(pml4))[16] = table_of(e[3]) | UPPER;
	expect_page("before", VA, 0);
	set(e[5], 0);
	expect("no PML4", uread(VA), PFEC_U, VA);
	*(volatile u64 *)e[5] = pml4 | UPPER;
	expect_page("another PML4", VA, 0);
	*(volatile u64 *)ptr(pml4 + 16 * 8) = 0;
	invlpg(VA);
	expect("its entry gone", sread(VA), 0, VA);
	/* The first PML4's own entries were there all the time. */
	set(e[5], link);
	expect_page("the first PML4", VA, 0);
	/* A page table as PML4: its leaves are links there. */
	e[1][16] = table_of(e[3]) | UPPER;
	set(e[5], table_of(e[1]) | UPPER);
	expect_page("a page table as PML4", VA, 0);
	set(e[5], link);
	e[1][16] = 0;
	invlpg(VA + 16 * PAGE_SIZE);
}

/* The upper half, whose addresses have bit 56 set and are no addresses with four levels. */
static void upper_half(void)
{
	u64 *pte;

	fixture_reset();
	pte = entry_of(paging_root, HIGH, 1);
	expect("high, not present", sread(HIGH), 0, HIGH);
	*(volatile u64 *)pte = frame[3] | (LEAF & ~(PTE_A | PTE_D));
	expect_page("high", HIGH, 3);
	check((*pte & (PTE_A | PTE_D)) == PTE_A, "A and D: %lx", *pte);
	expect("high, written", uwrite(HIGH), NO_FAULT, HIGH);
	check(*pte & PTE_D, "D: %lx", *pte);
	*(volatile u64 *)pte = frame[4] | LEAF;
	invlpg(HIGH);
	expect_page("high, changed", HIGH, 4);
	*(volatile u64 *)pte = 0;
	invlpg(HIGH);
	expect("high, gone", sread(HIGH), 0, HIGH);
}

void test_five(void)
{
	la57_stays();
	shared_pml4();
	relink();
	upper_half();
	fixture_reset();
}
