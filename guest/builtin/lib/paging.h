/* SPDX-License-Identifier: MIT */
/* Four-level page tables of a 64-bit guest kernel (SDM vol. 3A 4.5). */
#ifndef GUEST_LIB_PAGING_H
#define GUEST_LIB_PAGING_H

#include "guest/builtin/lib/insn.h"

#define PTE_ADDR GENMASK(51, 12)
#define PAGE_2M  MIB(2)
#define PAGE_1G  GIB(1)

/* Replace the boot tables by tables that map RAM at its physical address, and nothing else. */
void paging_init(void);

/* The kernel's root table. */
extern u64 paging_root;

/* The index of `va` in its table of `level`: 1 for a page table up to 4 for the root. */
static inline u32 table_index(u64 va, u32 level)
{
	return va >> (12 + 9 * (level - 1)) & 511;
}

/*
 * The entry for `va` at `level` under `root`; upper tables on the way are made (P, W, U, A) when
 * missing. A large page on the way: guest_fail().
 */
u64 *entry_of(u64 root, u64 va, u32 level);

/* Map RAM or device memory at its own address in the kernel's tables, by 4K pages. */
void map_identity(u64 start, u64 size);

/* A new root table that shares the kernel's lower half map (root entry 0). */
u64 new_root(void);

#endif
