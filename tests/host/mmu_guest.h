/* SPDX-License-Identifier: MIT */
/*
 * The guest of the directed tests of the shadow MMU: its tables, and what it does, step by step. Each
 * test is something that the MMU promises, or a bug that it, or KVM before it, had.
 *
 * It runs on the machine of sim.h, so beside what a test asserts everything it does is judged.
 */
#ifndef TESTS_HOST_MMU_GUEST_H
#define TESTS_HOST_MMU_GUEST_H

#include "arch/cpu.h"
#include "tests/host/sim.h"
#include "tests/host/sim_mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DIRECT  0xffff800000000000ULL /* all RAM, 2M pages, for the supervisor */
#define UPPER   (PTE_P | PTE_W | PTE_U | PTE_A)
#define USER_RW (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define USER_RO (PTE_P | PTE_U | PTE_A)
#define GVA     0x400000ULL
#define PAGE_A  MIB(4) /* two pages of data */
#define PAGE_B  (MIB(4) + PAGE_SIZE)

enum { READ, WRITE, FETCH, USER = 4, AC = 8 };

extern struct sim sim;
extern struct rnd rng;
extern u64 root; /* what run_4level() loads into CR3 */

/* Four levels, address traps, every table write-protected. */
extern const struct sim_config plain;

/* A set-up for cmocka: a step that the judge refuses fails the test. */
int judged(void **state);

/* A fresh machine; root is 0. */
void machine(const struct sim_config *c);

/* The physical address of a page of zeros for a table. */
u64 table(void);

/* Where the entry of this level is for an address, tables made on the way. */
u64 entry_at(u64 top, int levels, u64 gva, int level);

/* The same below root, with four levels. */
u64 pte(u64 gva);
u64 pde(u64 gva);

/* A root with the direct map. */
u64 new_root(void);

/* Load the registers, CR0.PG, PE, CR4.PAE and EFER.LMA among them, and root. */
void run_4level(u64 cr0, u64 cr4, u64 efer);

/* A fresh machine that runs on a new root with this entry for GVA. Returns where that entry is. */
u64 one_page(const struct sim_config *c, u64 entry);

/* What PKRU is at each access. */
extern u32 guest_pkru;

/* 0 when the access works, or 0x100 | the error code. */
u32 try(u64 gva, u32 kind, u64 *value);

#define works(gva, kind)              assert_int_equal(try(gva, kind, NULL), 0)
#define faults(gva, kind, error_code) assert_int_equal(try(gva, kind, NULL), 0x100 | (error_code))

/* The guest stores to its memory, a table mostly, through the direct map. */
void put(u64 gpa, u64 value);

/* Exits since this was last asked. */
u64 exits(void);

#endif
