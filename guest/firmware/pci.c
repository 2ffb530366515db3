/* SPDX-License-Identifier: MIT */
/* PCI's configuration space, read and written. */
#include "guest/firmware/pci.h"

#include "arch/io.h"

static u32 address_of(const struct pci_function *f, u32 reg)
{
	return PCI_CONFIG_ENABLE | (reg >> 8 & 15) << 24 | (u32)f->bdf << 8 | PCI_CONFIG_REG(reg);
}

u32 pci_read(const struct pci_function *f, u32 reg, u32 size)
{
	u32 saved, value;

	if (f->ecam)
		return mmio_read(f->ecam + reg, size);
	saved = in32(PORT_PCI_ADDRESS);
	out32(PORT_PCI_ADDRESS, address_of(f, reg));
	value = port_in(PORT_PCI_DATA + (reg & 3), size);
	out32(PORT_PCI_ADDRESS, saved);
	return value;
}

void pci_write(const struct pci_function *f, u32 reg, u32 size, u32 value)
{
	u32 saved;

	if (f->ecam) {
		mmio_write(f->ecam + reg, size, value);
		return;
	}
	saved = in32(PORT_PCI_ADDRESS);
	out32(PORT_PCI_ADDRESS, address_of(f, reg));
	port_out(PORT_PCI_DATA + (reg & 3), size, value);
	out32(PORT_PCI_ADDRESS, saved);
}
