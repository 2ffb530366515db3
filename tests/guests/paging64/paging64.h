/* SPDX-License-Identifier: MIT */
/* Directed tests of four- and five-level paging: the fixture that they share. */
#ifndef PAGING64_H
#define PAGING64_H

#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/test.h"

#define UPPER  (PTE_P | PTE_W | PTE_U | PTE_A)
#define LEAF   (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define FRAMES 16                  /* the fixture's pages 0 to 15 */
#define VA     fixture_va          /* the fixture's page 0; a root entry of its own */
#define VA2    (VA + (2ULL << 39)) /* a second path, for the tests that build one */

extern u64 fixture_va;

/* The fixture's entries for VA: e[1] its PTE up to e[paging_levels]; e[0] is not used. */
extern u64 *e[6];

/* Frames of pages 0 to 15, and a 2 MiB one, which all begin with a probe's code. */
extern u64 frame[FRAMES], frame2m;

/* What frame i says in its second word; all are different. */
u64 mark(u32 i);

/* Build the fixture at an address in the tables in use. */
void fixture_init(u64 va);

/*
 * VA..VA+64K mapped by 4K pages, all rights, A and D set; CR0.WP on, SMEP, SMAP off, NXE on
 * where there is any; everything else at VA and VA2 unmapped, and flushed.
 */
void fixture_reset(void);

/* The physical address of the table that holds an entry. */
static inline u64 table_of(const u64 *entry)
{
	return ALIGN_DOWN((uintptr_t)entry, PAGE_SIZE);
}

/* The second word at a virtual address; it must be mapped. */
static inline u64 word_at(u64 va)
{
	return ((volatile u64 *)ptr(va))[1];
}

static inline struct probe sread(u64 va)
{
	return probe(ACCESS_READ, false, va, 0);
}

static inline struct probe swrite(u64 va)
{
	return probe(ACCESS_WRITE, false, va + 16, 0);
}

static inline struct probe sfetch(u64 va)
{
	return probe(ACCESS_FETCH, false, va, 0);
}

static inline struct probe uread(u64 va)
{
	return probe(ACCESS_READ, true, va, 0);
}

static inline struct probe uwrite(u64 va)
{
	return probe(ACCESS_WRITE, true, va + 16, 0);
}

static inline struct probe ufetch(u64 va)
{
	return probe(ACCESS_FETCH, true, va, 0);
}

/* Set an entry and drop what the TLB may hold for the fixture's page 0. */
static inline void set(u64 *entry, u64 value)
{
	*(volatile u64 *)entry = value;
	invlpg(VA);
}

extern bool has_nx, has_1g, has_smep, has_smap, has_la57;

/* A read at `va` must find the fixture's page (FRAMES: the 2M one). */
void expect_page(const char *what, u64 va, u32 page);

/* The groups of tests. */
void test_bits(void);
void test_rights(void);
void test_reserved(void);
void test_tables(void);
void test_links(void);
void test_places(void);
void test_writes(void);
void test_stale(void);
void test_registers(void);
void test_wrap(void);
void test_random(void);
void test_five(void); /* five levels only */

#endif
