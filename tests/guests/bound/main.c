/* SPDX-License-Identifier: MIT */
/*
 * All of the guest's RAM mapped many times over, by page tables of its own each time, and touched:
 * more tables than the shadow MMU has room for. Each page has to be found unharmed everywhere.
 *
 * Command line: maps=N (how many times, default 12).
 */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"

#define LEAF  (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define FRESH 16 /* every so many pages: A and D are still to be set */
#define BASE  (16ULL << 39)
#define WORD  2048 /* where in a page its number is */

static u64 first, end; /* the RAM that is mapped again */

/* Tables for a root of its own that maps [first, end) at BASE, by 4K pages. */
static u64 build(void)
{
	u64 root = new_root();

	for (u64 pa = first; pa < end; pa += PAGE_SIZE)
		*entry_of(root, BASE + pa, 1) =
			pa / PAGE_SIZE % FRESH ? pa | LEAF : pa | (LEAF & ~(PTE_A | PTE_D));
	return root;
}

/* Bytes of tables that build() takes. */
static u64 cost(u64 size)
{
	return (size / PAGE_2M + size / PAGE_1G + 8) * PAGE_SIZE;
}

static void touch(u32 round)
{
	for (u64 pa = first; pa < end; pa += PAGE_SIZE) {
		volatile u64 *word = ptr(BASE + pa + WORD);

		check(*word == pa + round, "round %u: page %lx says %lx", round, pa, *word);
		*word = pa + round + 1;
	}
}

const char *guest_main(void)
{
	u32 maps = guest_option_number("maps", 12), round = 0;
	u64 root[64], top = 0;

	if (!maps || maps > ARRAY_SIZE(root))
		return "maps= wants 1 to 64";
	for (u32 i = 0; i < memory_ranges; i++) {
		const struct memory_range *r = &memory_map[i];

		if (r->type == MEMORY_RAM && r->start <= MIB(2) && r->end > MIB(2))
			top = ALIGN_DOWN(r->end, PAGE_2M);
	}
	/* The tables come first; what is left of the range in one piece is mapped. */
	first = ALIGN_UP(page_alloc(1, PAGE_SIZE) + maps * cost(top), PAGE_2M);
	end = top;
	if (first >= end || !memory_is_ram(first, end))
		return "too little RAM in one piece";
	for (u64 pa = first; pa < end; pa += PAGE_SIZE)
		*(volatile u64 *)ptr(pa + WORD) = pa;
	for (u32 i = 0; i < maps; i++)
		root[i] = build();
	for (u32 pass = 0; pass < 2; pass++) {
		for (u32 i = 0; i < maps; i++) {
			write_cr3(root[i]);
			touch(round);
			round++;
		}
	}
	write_cr3(paging_root);
	for (u64 pa = first; pa < end; pa += PAGE_SIZE)
		check(*(volatile u64 *)ptr(pa + WORD) == pa + round, "page %lx at the end", pa);
	print("bound: %lu MiB mapped %u times\n", (end - first) >> 20, maps);
	return check_end("bound");
}
