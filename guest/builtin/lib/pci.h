/* SPDX-License-Identifier: MIT */
/* PCI configuration space by mechanism #1, and by a window in memory (ECAM) where there is one. */
#ifndef GUEST_LIB_PCI_H
#define GUEST_LIB_PCI_H

#include "guest/builtin/lib/insn.h"

#define PCI_ADDRESS   0xcf8
#define PCI_DATA      0xcfc
#define PCI_NONE      (~0U)

#define PCI_BDF(d, f) ((u32)((d) << 3 | (f)))

static inline void pci_select(u32 bdf, u32 reg)
{
	out32(PCI_ADDRESS, BIT(31) | bdf << 8 | (reg & 0xfc));
}

static inline u32 pci_read(u32 bdf, u32 reg)
{
	pci_select(bdf, reg);
	return in32(PCI_DATA);
}

static inline void pci_write(u32 bdf, u32 reg, u32 value)
{
	pci_select(bdf, reg);
	out32(PCI_DATA, value);
}

/* The first function of bus 0 from `from` on with this word at a register, PCI_NONE without one. */
static inline u32 pci_find(u32 from, u32 reg, u32 word, u32 mask)
{
	for (u32 bdf = from; bdf < 256; bdf++) {
		if (pci_read(bdf, 0) != ~0U && (pci_read(bdf, reg) & mask) == word)
			return bdf;
	}
	return PCI_NONE;
}

#define PCI_I440FX 0x12378086
#define PCI_Q35    0x29c08086

/* The base of q35's window, for all buses; 0: there is none. Q35 datasheet, PCIEXBAR. */
static inline u64 pci_window(void)
{
	u32 bar = pci_read(0, 0) == PCI_Q35 ? pci_read(0, 0x60) : 0;

	return bar & 1 ? bar & GENMASK(31, 28) : 0;
}

#endif
