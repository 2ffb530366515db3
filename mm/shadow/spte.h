/* SPDX-License-Identifier: MIT */
/*
 * How a shadow entry says what it is.
 *
 *   notrap: zero. #PF with P=0 goes to the guest.
 *   trap:   the address field is all ones (invariant 6). Present with reserved bits set where an encoding
 *           was proved: #PF with P=1 exits. Not present where none was: every fault has to exit.
 *   else:   present: a link to a lower shadow table, or a leaf.
 *
 * Bit 0 alone says nothing: use the predicates (invariant 2).
 */
#ifndef MM_SHADOW_SPTE_H
#define MM_SHADOW_SPTE_H

#include "mm/guest/walk.h"

enum spte_format { SPTE_FORMAT_64, SPTE_FORMAT_PAE, NR_SPTE_FORMATS };

#define SPTE_NOTRAP 0ULL

/* The trap entries in use; 0 at the levels that no shadow table with traps has. */
struct spte_traps {
	u64 entry[NR_SPTE_FORMATS][PAGING_LEVELS];
};

/* A trap where no encoding is proved. */
#define SPTE_TRAP_NOT_PRESENT GENMASK(51, 12)

/*
 * A trap that relies on address bits at and over MAXPHYADDR being reserved (SDM vol. 3A 4.4.2 and
 * 4.5.4), in PAE format on bits 62:52 as well.
 */
static inline u64 spte_trap_address(enum spte_format format)
{
	u64 trap = GENMASK(51, 12) | PTE_P;

	return format == SPTE_FORMAT_PAE ? trap | GENMASK(62, 52) : trap;
}

/*
 * A trap that is reserved whatever MAXPHYADDR is: PS with low address bits in a PDE or PDPTE, bit 7
 * of a PML4E or PML5E. A and D are set, since QEMU sets A before it looks at the low address bits.
 * maxphyaddr: bits. Returns 0 at level 1, where there is none.
 */
static inline u64 spte_trap_structural(int level, int maxphyaddr)
{
	return level < 2 ? 0 : GENMASK(maxphyaddr - 1, 12) | PTE_PS | PTE_D | PTE_A | PTE_P;
}

/* A trap of the kind SPTE_TRAP_NOT_PRESENT: mm/shadow/reach.c. PS may be set. */
static inline bool spte_is_soft(u64 spte)
{
	return spte != SPTE_NOTRAP && !(spte & PTE_P);
}

static inline bool spte_is_notrap(u64 spte)
{
	return spte == SPTE_NOTRAP;
}

/*
 * trap_bits: the address bits that the CPU has, GENMASK(MAXPHYADDR - 1, 12). A trap has all of them set: it
 * names the topmost page frame, which is never mapped.
 */
static inline bool spte_is_trap(u64 spte, u64 trap_bits)
{
	return (spte & trap_bits) == trap_bits;
}

static inline bool spte_is_present(u64 spte, u64 trap_bits)
{
	return spte != SPTE_NOTRAP && !spte_is_trap(spte, trap_bits);
}

#endif
