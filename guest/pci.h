/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space: the hypervisor's own access, and the guest's writes on their way through the
 * filter. PCI Local Bus Specification 3.0, 3.2.2.3.2 (ports) and PCI Express 2.1, 7.2.2 (ECAM).
 */
#ifndef GUEST_PCI_H
#define GUEST_PCI_H

#include "arch/types.h"

struct machine;

/* A function, and the way to it. */
struct pci_function {
	u16 segment;
	u16 bdf;  /* bus 15:8, device 7:3, function 2:0 */
	u8 *ecam; /* its 4 KiB; NULL: by ports CF8h and CFCh */
};

/*
 * One access of 1, 2 or 4 bytes, aligned. Through the ports registers end at 100h, but for AMD's; the
 * guest's address register is as it was afterwards.
 */
u32 pci_read(const struct pci_function *f, u32 reg, u32 size);
void pci_write(const struct pci_function *f, u32 reg, u32 size, u32 value);

/*
 * What is left of a guest's write: protected bytes of *value keep what the register has. What is refused
 * is said, once for each register. A reset asked for by such a register does not return.
 * Returns false when nothing is left to write.
 */
bool pci_filter(struct machine *machine, const struct pci_function *f, u32 reg, u32 size,
		u32 *value);

/* ecam.c. The guest's write to a window. False: the address is in none. */
bool ecam_write(struct machine *machine, u64 gpa, u32 value, u32 size);

/* Why a write is refused. */
#define PCI_OVER_HIDDEN "the device would decode memory or ports that are notrap's"

/* A function as a guest's write of a word to reg would have it. */
struct pci_view {
	const struct pci_function *f;
	u32 reg, value;
};

static inline u32 pci_view_word(const struct pci_view *w, u32 reg)
{
	return reg == w->reg ? w->value : pci_read(w->f, reg, 4);
}

/* pci_bars.c. See there. */
bool pci_decodes_hidden(const struct machine *machine, const struct pci_function *f, u32 reg,
			u32 value);

/*
 * pci_bars.c. True when one of the `nr` BARs from `first` on would decode memory that is hidden or watched, or
 * watched ports. They are sized on the way. spaces: PCI_COMMAND_MEM, PCI_COMMAND_IO, or both. copies: how
 * often what a BAR tells is there, one behind the other.
 */
bool pci_bars_hit(const struct machine *machine, const struct pci_view *w, u32 first, u32 nr,
		  u32 copies, u32 spaces);

/*
 * pci_caps.c. NULL when the word at reg, 40h or above, may become this value; or why not. Of the capabilities
 * that tell or change where a function decodes.
 */
const char *pci_caps_refuse(const struct machine *machine, const struct pci_function *f, u32 reg,
			    u32 value);

#endif
