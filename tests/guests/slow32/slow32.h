/* SPDX-License-Identifier: MIT */
/* What the cases of the longest exits in 32-bit code share; for tables of either kind. */
#ifndef TESTS_GUESTS_SLOW32_H
#define TESTS_GUESTS_SLOW32_H

#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"

#define UPPER (PTE_P | PTE_W | PTE_U | PTE_A)
#define LEAF  (UPPER | PTE_D)

/* Where the cases map what they make; below is the guest itself. Each table has a slot of its span. */
#define BASE 0x40000000U

static inline bool is_pae(void)
{
	return paging_now == PAGING_PAE;
}

static inline u32 per_table(void)
{
	return is_pae() ? 512 : 1024;
}

static inline u32 span(void)
{
	return is_pae() ? PAGE_2M : PAGE_4M;
}

/* From BASE on. */
static inline u32 slots(void)
{
	return (0U - BASE) / span();
}

static inline reg slot(u32 i)
{
	return BASE + i * span();
}

/* Tables that one case may have; they are the same frames for all. */
extern u32 tables;

void *table(u32 i);
u32 table_pa(u32 i);

/* Two pages to map; the first word of each says which it is. */
extern u32 page_a, page_b;

static inline u32 read_at(reg va)
{
	return *(volatile u32 *)ptr(va);
}

/* The i-th entry of a table. */
static inline entry_t at(void *entries, u32 i)
{
	return (u8 *)entries + i * (is_pae() ? 8 : 4);
}

/* A write by an instruction that is not decoded: the table goes out of sync. */
static inline void unsync(entry_t entry)
{
	__asm__ volatile("roll $32, %0" : "+m"(*(u32 *)entry));
}

/* Entries of a table, from the first on; all of them. */
void fill_some(void *entries, u32 count, u32 value);
void fill(void *entries, u32 value);

/* Link a table, or map a large page, at slot i of the address space in use. */
void link_slot(u32 i, u32 value);

/* Another address space: what is below BASE is the same. */
u32 new_space(void);
/* The entry for slot i of one that is not in use; its tables on the way are made. */
entry_t slot_of(u32 space, u32 i);

/* The guest's next words, and how long the longest exit has been by now. */
void report(const char *what);

void many_unsynced(u32 n);
void frame_with_many_leaves(u32 n);
void table_with_many_parents(u32 n);
void regions_with_many_splits(u32 n);
void table_of_itself(u32 n);
void many_spaces(u32 n);
void modes(u32 n);

#endif
