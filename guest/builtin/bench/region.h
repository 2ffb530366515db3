/* SPDX-License-Identifier: MIT */
/* The memory that the phases work on. */
#ifndef BENCH_REGION_H
#define BENCH_REGION_H

#include "guest/builtin/bench/bench.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"

/* As Linux has them in every entry that it makes. */
#define UPPER (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define LEAF  (PTE_P | PTE_W | PTE_A | PTE_D)
/* What page i says, plus i, until it is written to. */
#define MARKER 0x5afec0de00000000ULL

struct region {
	u32 pages;
	u64 frames, ptes;       /* memory, and the entries that map it */
	u64 root2;              /* a second address space, with its own tables for the region */
	u64 spare;              /* four tables */
	u64 user_page;          /* code for user mode */
	const struct phase *at; /* the phase that is on */
};

extern struct region region;

static inline u64 page_va(u32 i)
{
	return (u64)(i - (s64)region.pages) * PAGE_SIZE;
}

static inline u64 *pte_at(u32 i)
{
	return (u64 *)ptr(region.ptes) + i;
}

/* Page i's first word, by its physical address. */
static inline u64 *word_at(u32 i)
{
	return ptr(region.frames + i * PAGE_SIZE);
}

/* The first of the pages that this phase works on. */
static inline u32 first_page(void)
{
	return region.at->pages ? region.pages - region.at->pages : 0;
}

/* What a phase starts from: every page of the region is ... */
void prepare_nothing(void);     /* as it was */
void prepare_unmapped(void);    /* not present */
void prepare_just_mapped(void); /* present since a moment, and nothing was flushed */
void prepare_mapped(void);      /* present */
void prepare_clean(void);       /* present with A and D clear */
void prepare_read(void);        /* present with D clear, and was read */
void prepare_touched(void);     /* present and was written */
void prepare_protected(void);   /* read-only, after it was written */
void prepare_user(void);        /* the same, for users */

#endif
