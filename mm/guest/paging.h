/* SPDX-License-Identifier: MIT */
/* The guest's paging registers, the mode they select, and the formats of its entries. */
#ifndef MM_GUEST_PAGING_H
#define MM_GUEST_PAGING_H

#include "arch/cpu.h"

enum paging_mode { PAGING_OFF, PAGING_32, PAGING_PAE, PAGING_4LEVEL, PAGING_5LEVEL };

/* Formats of guest tables. */
enum gpte_format { GPTE_64, GPTE_PAE, GPTE_32 };

/* What paging features the guest's CPU has: fixed at boot. */
struct paging_features {
	u8 maxphyaddr; /* bits */
	bool nx, pages_1g, pse36;
	bool amd; /* bit 8 of a PML4E is reserved: APM vol. 2 5.3.3 */
};

/* The registers as the guest reads them. */
struct paging_regs {
	u64 cr0, cr3, cr4, efer;
	u64 pdpte[4]; /* PAE: as loaded by the last MOV to CR3 */
};

/* True when all bits over the linear address's width, in bits, are copies of its top bit. */
static inline bool is_canonical(u64 gva, int width)
{
	return (u64)((s64)(gva << (64 - width)) >> (64 - width)) == gva;
}

/* SDM vol. 3A 4.1.1. */
enum paging_mode paging_mode(const struct paging_regs *regs);

static inline enum gpte_format paging_format(enum paging_mode mode)
{
	return mode == PAGING_32 ? GPTE_32 : mode == PAGING_PAE ? GPTE_PAE : GPTE_64;
}

/*
 * The reserved bits of a present entry: SDM vol. 3A 4.4.2 and 4.5.4, tables 4-3 to 4-7. For large
 * entries the mask depends on PS, hence the entry itself is asked for.
 */
u64 gpte_reserved(const struct paging_features *f, enum gpte_format format, int level, u64 gpte,
		  bool nxe, bool pse);

/* True when a present entry at this level maps a page rather than naming a table. */
static inline bool gpte_is_leaf(enum gpte_format format, int level, u64 gpte, bool pse)
{
	if (level == 1)
		return true;
	return level <= 3 && (gpte & PTE_PS) && (format != GPTE_32 || pse);
}

/* The physical address of the page a leaf maps, PSE-36 included: its low bits are zero. */
u64 gpte_leaf_addr(enum gpte_format format, int level, u64 gpte);

/* Bytes that a leaf at this level maps. */
static inline u64 gpte_leaf_size(enum gpte_format format, int level)
{
	if (format == GPTE_32)
		return level == 1 ? PAGE_SIZE : MIB(4);
	return BIT(LEVEL_SHIFT(level));
}

/* Bytes of one entry, and entries in one table. */
static inline u32 gpte_size(enum gpte_format format)
{
	return format == GPTE_32 ? 4 : 8;
}

/* The index of a linear address in a guest table of this level. */
static inline u32 gpte_index(enum gpte_format format, int level, u64 gva)
{
	if (format == GPTE_32)
		return (gva >> (12 + 10 * (level - 1))) & 1023;
	return (gva >> LEVEL_SHIFT(level)) % TABLE_ENTRIES;
}

#endif
