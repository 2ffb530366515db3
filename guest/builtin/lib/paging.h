/* SPDX-License-Identifier: MIT */
/* Page tables of a guest kernel: SDM vol. 3A 4.3 to 4.5. */
#ifndef GUEST_LIB_PAGING_H
#define GUEST_LIB_PAGING_H

#include "guest/builtin/lib/insn.h"

#define PTE_ADDR GENMASK(51, 12)
#define PAGE_2M  MIB(2)
#define PAGE_4M  MIB(4)
#define PAGE_1G  GIB(1)

/*
 * A 64-bit kernel: replace the boot tables by tables that map RAM at its physical address, and
 * nothing else. A 32-bit one starts with paging off, and there it stays.
 */
void paging_init(void);

/* The physical address of the kernel's root table; 0 while paging is off. */
extern u64 paging_root;

/* Map RAM or device memory at its own address in the kernel's tables, by 4K pages. */
void map_identity(u64 start, u64 size);

#ifdef __x86_64__

/* Of the tables in use: 4, the boot's, or 5. */
extern u32 paging_levels;

/*
 * Use tables of 4 or 5 levels from now on; 5: the CPU must have LA57. What four levels map is under
 * entry 0 of five levels' new root. CR4.PCIDE must be clear, interrupts off.
 */
void paging_use_levels(u32 levels);

/* The index of `va` in its table of `level`: 1 for a page table up to 4 or 5 for the root. */
static inline u32 table_index(u64 va, u32 level)
{
	return va >> (12 + 9 * (level - 1)) & 511;
}

/*
 * The entry for `va` at `level` under `root`; upper tables on the way are made (P, W, U, A) when
 * missing. A large page on the way: guest_fail().
 */
u64 *entry_of(u64 root, u64 va, u32 level);

/* A new root table that shares the kernel's lower half map (root entry 0). */
u64 new_root(void);

#else

enum paging { PAGING_OFF, PAGING_TWO_LEVEL, PAGING_PAE };

/* What is on now. */
extern enum paging paging_now;

/*
 * Build tables of this kind that map RAM at its physical address (PAE: by 2M pages where they
 * fit), and turn paging on with them, from whatever was on before; PAGING_OFF turns it off. CR0.WP is
 * on afterwards, EFER.NXE for PAE where the CPU has it.
 */
void paging_switch(enum paging kind);

/* One entry, of four bytes (two-level) or eight (PAE). */
typedef void *entry_t;

/*
 * The entry for `va` at `level` in the tables that are in use: 1 for a page table, 2 for a
 * directory, 3 for PAE's PDPT. Tables on the way are made when missing, with all rights; a new
 * PDPTE is loaded. A large page on the way: guest_fail().
 */
entry_t entry_of(reg va, u32 level);

u64 entry_get(entry_t entry);

/* Eight bytes are stored so that no half of them is present before the other is there. */
void entry_set(entry_t entry, u64 value);

#endif
#endif
