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

const struct pci_function pci_host;

/* 82441FX datasheet: PAM0 (59h), SMRAM (72h); Q35 datasheet: PAM0 (90h), SMRAM (9Dh). */
const struct pci_host_bridge *pci_host_bridge(void)
{
	static const struct pci_host_bridge known[] = {{0x12378086, 0x59, 0x72},
						       {PCI_ID_Q35, 0x90, 0x9d}};
	u32 id = pci_read(&pci_host, PCI_VENDOR, 4);

	for (u32 i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].id == id)
			return &known[i];
	}
	return NULL;
}
