/* SPDX-License-Identifier: MIT */
/* The guest's paging mode and the formats of its entries. */
#include "mm/guest/paging.h"

enum paging_mode paging_mode(const struct paging_regs *regs)
{
	if (!(regs->cr0 & CR0_PG))
		return PAGING_OFF;
	if (regs->efer & EFER_LMA)
		return regs->cr4 & CR4_LA57 ? PAGING_5LEVEL : PAGING_4LEVEL;
	return regs->cr4 & CR4_PAE ? PAGING_PAE : PAGING_32;
}

static u64 reserved_32(const struct paging_features *f, int level, u64 gpte, bool pse)
{
	if (level == 1 || !(gpte & PTE_PS) || !pse)
		return 0;
	if (!f->pse36)
		return GENMASK(21, 13);
	/* Bits 20:13 hold address bits 39:32, those that the CPU has. */
	if (f->maxphyaddr >= 40)
		return BIT(21);
	return GENMASK(21, 13 + f->maxphyaddr - 32);
}

u64 gpte_reserved(const struct paging_features *f, enum gpte_format format, int level, u64 gpte,
		  bool nxe, bool pse)
{
	u64 mask = 0;

	if (format == GPTE_32)
		return reserved_32(f, level, gpte, pse);
	if (f->maxphyaddr < 52)
		mask |= GENMASK(51, f->maxphyaddr);
	if (format == GPTE_PAE)
		mask |= GENMASK(62, 52);
	if (!nxe)
		mask |= PTE_NX;
	if (level >= 4)
		mask |= PTE_PS | (f->amd ? PTE_G : 0);
	else if (level == 3 && (gpte & PTE_PS))
		mask |= f->pages_1g ? GENMASK(29, 13) : PTE_PS;
	else if (level == 2 && (gpte & PTE_PS))
		mask |= GENMASK(20, 13);
	return mask;
}

u64 gpte_leaf_addr(enum gpte_format format, int level, u64 gpte)
{
	u64 addr = gpte & PTE_ADDR;

	if (format == GPTE_32 && level == 2)
		return (gpte & GENMASK(31, 22)) | (gpte & GENMASK(20, 13)) << 19;
	return addr & ~(gpte_leaf_size(format, level) - 1);
}
