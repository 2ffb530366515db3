/* SPDX-License-Identifier: MIT */
/* Which PCI registers a guest may change. Pure: nothing here touches the machine. */
#ifndef GUEST_CHIPSET_PCI_GUARD_H
#define GUEST_CHIPSET_PCI_GUARD_H

#include "guest/firmware/pci.h"
#include "mm/phys/memmap.h"

#define PCI_CARDBUS_LEGACY 0x44 /* of a CardBus bridge: its ports for 16-bit cards */
#define PCI_HEADER_END     0x40

#define PCI_COMMAND_IO     BIT(0)
#define PCI_COMMAND_MEM    BIT(1)
#define PCI_COMMAND_SPACES (PCI_COMMAND_IO | PCI_COMMAND_MEM)

struct pci_id {
	u16 vendor, device;
	u16 class; /* base class 15:8, subclass 7:0 */
	u16 bdf;
};

/*
 * Host bridges, ISA bridges, power-management functions and IOMMUs decide where memory, SMRAM, the PM
 * registers and MMIO are: from 40h on they are as the firmware left them, but for registers that are known.
 */
bool pci_is_guarded(const struct pci_id *id);

/*
 * Intel's P2SB, at 00:1f.1 or 00:0d.0, is hidden by the firmware: reads give all ones then, and writes go on to
 * reach it (PCH datasheet vol. 2, P2SBC). True for a register of one that reads as absent, but for P2SBC, by
 * which systems show it. Others are not asked for: SR-IOV's virtual functions read so as well.
 */
bool pci_may_be_hidden(const struct pci_function *f, u32 reg);

/* virtio's memory balloon: with its legacy interface, and without. */
static inline bool pci_is_balloon(const struct pci_id *id)
{
	return id->vendor == 0x1af4 && (id->device == 0x1002 || id->device == 0x1045);
}

/* True for a word of the header that can change what a function decodes: command, BARs, windows, ROM. */
static inline bool pci_decides_place(u32 reg)
{
	return reg == PCI_COMMAND || (reg >= PCI_BAR0 && reg <= 0x38);
}

/* True when the guest may change this byte of configuration space. */
bool pci_is_open(const struct pci_id *id, u32 reg);

/*
 * True when the guest may change this PM register of AMD's southbridge: 20h to 2Fh and 60h to 6Fh say where
 * the PM registers are, 24h where all of them are in memory.
 */
bool fch_is_open(u8 reg);

/*
 * Where a memory BAR decodes: its two words (high: 0 for one of 32 bits), and what they read after all
 * ones were written (ones: mask_high is ~0 for 32 bits). Empty, its end not past its start, when there is none;
 * so with those below.
 */
struct memmap_range pci_bar_range(u32 low, u32 high, u32 mask_low, u32 mask_high);

/* A BAR of ports; one of 16 bits, whose upper half reads as zero, included. */
struct memmap_range pci_io_bar_range(u32 bar, u32 mask);

/* A bridge's window to ports: words 1Ch and 30h. Empty: it is closed. */
struct memmap_range pci_io_window_range(u32 word, u32 high);

/* A bridge's window: words 20h, or 24h with its upper halves. */
struct memmap_range pci_window_range(u32 word, u32 base_high, u32 limit_high);

/*
 * Those of a CardBus bridge, which have words for both ends (PC Card Standard 8, vol. 2, 4.5.1): to memory in
 * steps of 4 KiB, to ports in steps of 4.
 */
struct memmap_range pci_cardbus_range(u32 base, u32 limit);
struct memmap_range pci_cardbus_io_range(u32 base, u32 limit);

#endif
