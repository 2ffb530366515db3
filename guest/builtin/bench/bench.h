/* SPDX-License-Identifier: MIT */
/* The benchmark's phases, and what its assembly needs of them. */
#ifndef BENCH_H
#define BENCH_H

#include "arch/types.h"

/*
 * What a phase works on. phases.asm loads the first members into registers and knows their
 * offsets. The region's pages end at the top of the address space, so that a loop counts its
 * address up to zero.
 */
struct bench_env {
	u64 va;     /* R12: the first page of the region */
	u64 frame;  /* R13: the region's first frame | P | W | A | D */
	u64 pte;    /* R14: the entry of the first page; entries are contiguous across tables */
	u64 root;   /* R8: the root in use */
	u64 root2;  /* R9: another root */
	u64 tables; /* R10: four pages to make an address space of, or a table to copy to */
	u64 ops;    /* RCX, R11 */
	u64 ticks;  /* out */
	u64 faults; /* out: R15 */
};

/* Run one phase's loop with the environment in registers; fills in ticks and faults. */
void bench_measure(const void *loop, struct bench_env *env);

/* The loops and #PF handlers of phases.asm; labels, not C functions. */
extern const char loop_empty[], loop_cpuid[], loop_write[], loop_write_user[], loop_same[],
	loop_clear_invlpg[], loop_wp_invlpg[], loop_bulk_clear[], loop_bulk_map[], loop_touch[],
	loop_read[], loop_cr3[], loop_cr3_read[], loop_cr3_switch[], loop_cr3_touch[], loop_space[],
	loop_fork[], loop_mixed[];
extern const char handler_skip[], handler_demand[], handler_cow[], handler_mixed[];

/* What loop_write_user() runs in user mode, where it has to be; and what #GP at its end has to call. */
extern const char user_code[], user_code_end[], handler_user_done[];
#define USER_CODE 0x700000000000

/* Numbers that the loops have built in. */
#define SPACE_PAGES 16  /* faults for each address space */
#define FORK_PAGES  64  /* entries copied for each fork */
#define MIXED_PAGES 256 /* pages in a mixed round; FORK_PAGES of them are written again */
#define TOUCH_PAGES 8

struct phase {
	const char *name;
	const char *loop, *handler;
	void (*prepare)(void);
	const char *(*verify)(void); /* NULL when right, else what is wrong */
	u32 divide;                  /* n / divide operations */
	u32 faults;                  /* for each operation */
	u32 pages;                   /* the region's last pages to work on; 0: all n */
};

extern const struct phase phases[];
extern const u32 phase_count;

/* Allocate the region of n pages (a multiple of 512), its tables and roots. */
void region_init(u32 n);

/* The environment of a phase. */
struct bench_env region_env(const struct phase *phase);

#endif
