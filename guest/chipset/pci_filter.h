/* SPDX-License-Identifier: MIT */
/* PCI configuration space: the guest's writes on their way through the filter. */
#ifndef GUEST_CHIPSET_PCI_FILTER_H
#define GUEST_CHIPSET_PCI_FILTER_H

#include "guest/firmware/pci.h"

struct machine;

/*
 * What is left of a guest's write: protected bytes of *value keep what the register has. What is refused
 * is said, once for each register. A reset asked for by such a register does not return.
 * Returns false when nothing is left to write.
 */
bool pci_filter(struct machine *machine, const struct pci_function *f, u32 reg, u32 size,
		u32 *value);

/* ecam.c. The guest's write to a window. False: the address is in none. */
bool ecam_write(struct machine *machine, u64 gpa, u32 value, u32 size);

/* pci_bars.c. See there. */
bool pci_decodes_hidden(const struct machine *machine, const struct pci_function *f, u32 reg,
			u32 value);

#endif
