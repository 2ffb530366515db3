/* SPDX-License-Identifier: MIT */
/*
 * An attack on the hypervisor: that a shadow table be recycled under the fault that walks through it.
 *
 * Page faults give the tables on some ways a known age; thousands of CR3 loads then use up all other
 * tables, without a fault, so that a table on the next fault's way is the oldest of all. That fault needs
 * a new one just below it. Taken for the new one, the table would be linked into itself, and the guest
 * could read and write it: a page table of the hypervisor's. Then an address works that the guest has not
 * mapped.
 */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/probe.h"
#include "guest/builtin/lib/test.h"
#include "mm/counters.h"

extern const u8 order_run[];

#define SHARED (1ULL << 39)            /* the addresses whose tables are to be recycled */
#define BESIDE (SHARED | 1ULL << 30)   /* another directory under the same PDPT */
#define OWN    (2ULL << 39)            /* the code, its data, and pages for faults elsewhere */
#define LEAF   (PTE_P | PTE_W | PTE_U) /* A clear: the first access faults, whatever was prefilled */
#define MAPPED 300ULL                  /* the one page under each new table */
#define TRIES  32
#define ROOTS  2048

/* What order_run() reads: see ops.asm. */
struct order {
	u64 read[10];
	u64 loads, next_root, roots, roots_end;
	u64 new_table, forbidden;
};

static u64 own_page(u32 i)
{
	return OWN | (u64)i << 12;
}

enum { CODE, DATA, FREE = 16 };

static void map_all(struct order *order)
{
	u64 page = page_alloc(1, PAGE_SIZE);

	*entry_of(paging_root, own_page(CODE), 1) = (u64)order_run | LEAF | PTE_A | PTE_D;
	*entry_of(paging_root, own_page(DATA), 1) = (u64)order | LEAF | PTE_A | PTE_D;
	for (u32 i = 0; i < 512; i++) {
		*entry_of(paging_root, SHARED | (u64)i << 12, 1) = page | LEAF;
		*entry_of(paging_root, BESIDE | (u64)i << 12, 1) = page | LEAF;
		if (i >= FREE)
			*entry_of(paging_root, own_page(i), 1) = page | LEAF;
	}
	for (u64 i = 1; i < TRIES; i++)
		*entry_of(paging_root, SHARED | i << 21 | MAPPED << 12, 1) = page | LEAF;
}

/* Roots that share all there is; when each was loaded once, no table is free. */
static u64 make_roots(void)
{
	u64 roots = page_alloc(ROOTS, PAGE_2M);

	for (u32 i = 0; i < ROOTS; i++) {
		u64 *to = ptr(roots + i * PAGE_SIZE);

		for (u32 k = 0; k < 8; k++)
			to[k] = ((u64 *)ptr(paging_root))[k];
		write_cr3(roots + i * PAGE_SIZE);
	}
	write_cr3(paging_root);
	return roots;
}

/* Shadow tables in use: all of them. */
static u64 tables_in_use(void)
{
	return notrap_call(HC_COUNTER, CNT_mmu_shadow_new) -
	       notrap_call(HC_COUNTER, CNT_mmu_shadow_zapped);
}

static void attack(struct order *order, u64 try, u64 tables)
{
	u32 elsewhere = FREE + 8 * (u32)try, n = 0;
	u64 shared = SHARED | (2 * try) << 12, beside = BESIDE | (2 * try) << 12;
	struct probe result;

	/* After four faults elsewhere everything else is old. */
	for (u32 i = 0; i < 4; i++)
		order->read[n++] = own_page(elsewhere++);
	order->read[n++] = beside;
	order->read[n++] = own_page(elsewhere++);
	order->read[n++] = own_page(elsewhere++);
	order->read[n++] = shared;
	order->read[n++] = beside + PAGE_SIZE;
	order->read[n++] = own_page(elsewhere++);
	order->loads = tables - 4 - try % 24;
	order->new_table = SHARED | try << 21 | MAPPED << 12;
	order->forbidden = SHARED | try << 21 | try << 12;
	result = probe_run(own_page(CODE), false, own_page(DATA), 0, 0);
	check(result.vector != VECTOR_DONE, "try %lu: %lx, which is not mapped, says %lx", try,
	      order->forbidden, result.value);
	check(result.vector == VECTOR_DONE || result.cr2 == order->forbidden,
	      "try %lu: a fault at %lx, where all is mapped", try, result.cr2);
}

const char *guest_main(void)
{
	struct order *order = ptr(page_alloc(1, PAGE_SIZE));
	u64 tables;

	if (!notrap_present()) {
		print("recycle: this is for notrap: nothing to do\n");
		return NULL;
	}
	map_all(order);
	order->roots = make_roots();
	order->next_root = order->roots;
	order->roots_end = order->roots + ROOTS * PAGE_SIZE;
	tables = tables_in_use();
	/* With nested paging there are none. */
	if (tables > 32 && tables < ROOTS) {
		for (u64 try = 1; try < TRIES; try++)
			attack(order, try, tables);
	}
	print("recycle: %lu shadow tables\n", tables);
	return check_end("recycle");
}
