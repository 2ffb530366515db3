/* SPDX-License-Identifier: MIT */
/* What the cases of the longest exits share. */
#ifndef TESTS_GUESTS_SLOW_H
#define TESTS_GUESTS_SLOW_H

#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"

#define UPPER (PTE_P | PTE_W | PTE_U | PTE_A)
#define LEAF  (UPPER | PTE_D)

/* Where the cases map what they make: slots of the root. Slot 0 is the guest itself. */
#define SLOT(n) ((u64)(n) << 39)

/* Tables that one case may have; they are the same frames for all. */
extern u32 tables;

/* The i-th of them. */
u64 *table(u32 i);
u64 table_pa(u32 i);

/* Two pages to map; the first word of each says which it is. */
extern u64 page_a, page_b;

static inline u64 read_at(u64 va)
{
	return *(volatile u64 *)ptr(va);
}

/* A write by an instruction that is not decoded: the table goes out of sync. */
static inline void unsync(u64 *entry)
{
	__asm__ volatile("rolq $64, %0" : "+m"(*entry));
}

/* All 512 entries of a table. */
void fill(u64 *entries, u64 value);

/* The guest's next words, and how long the longest exit has been by now. */
void report(const char *what);

void many_unsynced(u32 n);
void many_unsynced_uppers(u32 n);
void frame_with_many_leaves(u32 n);
void table_with_many_parents(u32 n);
void region_with_many_leaves(u32 n);
void region_with_many_splits(u32 n);
void far_splits(u32 n);
void table_of_itself(u32 n);
void wide_tree(u32 n);

#endif
