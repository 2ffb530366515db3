/* SPDX-License-Identifier: MIT */
/* Tests of 32-bit paging and of changes between paging modes: what they share. */
#ifndef MODES32_H
#define MODES32_H

#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/test.h"

#define VA        0xc0000000
#define USER_CODE (VA + 50 * PAGE_SIZE)
#define FRAMES    8
#define UPPER     (PTE_P | PTE_W | PTE_U | PTE_A)
#define LEAF      (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)

/* Frames that begin with a probe's code; `large` is 4 MiB,
 * and `user` for what probes run in user mode. */
extern u64 frame[FRAMES], large, user;

/* What frame i says in its second word (FRAMES: the large one). */
u32 mark(u32 i);

static inline u32 large_size(void)
{
	return paging_now == PAGING_PAE ? PAGE_2M : PAGE_4M;
}

static inline u32 word_at(reg va)
{
	return ((volatile u32 *)ptr(va))[1];
}

static inline struct probe rd(reg va)
{
	return probe(ACCESS_READ, false, va, 0);
}

static inline struct probe wr(reg va)
{
	return probe(ACCESS_WRITE, false, va + 16, 0);
}

static inline void map(reg va, u64 entry)
{
	entry_set(entry_of(va, 1), entry);
}

/* The page at `va` must be frame i. */
void expect_page(const char *what, reg va, u32 i);

/* The groups; the first two in the mode that is on. */
void test_tables(void);
void test_pdptes(void);
void test_switches(void);

#endif
