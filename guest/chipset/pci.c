/* SPDX-License-Identifier: MIT */
/* The guest's use of PCI's configuration mechanism #1. */
#include "guest/chipset/chipset.h"

#include "arch/console.h"
#include "arch/io.h"
#include "guest/chipset/io.h"
#include "guest/chipset/power.h"
#include "guest/machine/backend.h"
#include "guest/machine/machine.h"

#define CONFIG_BDF(addr) ((u16)((addr) >> 8))

/*
 * AMD's extended register number is ignored by other chipsets: the write has to be harmless with it and
 * without. False: refused.
 */
static bool filter_extended(struct machine *m, const struct pci_function *f, u32 reg, u32 ext,
			    const struct io_access *w)
{
	u32 low = w->value, high = low, mask = w->size < 4 ? BIT(8 * w->size) - 1 : ~0U;

	return pci_filter(m, f, reg, w->size, &low) &&
	       pci_filter(m, f, reg | ext, w->size, &high) && !((low ^ w->value) & mask) &&
	       !((high ^ w->value) & mask);
}

static bool write_data(struct vcpu *v, struct io_access *w)
{
	u32 address = in32(PORT_PCI_ADDRESS), reg = PCI_CONFIG_REG(address) | (w->port & 3);
	u32 ext = (address & PCI_CONFIG_EXTENDED) >> 16;
	struct pci_function f = {.bdf = CONFIG_BDF(address)};

	if (!(address & PCI_CONFIG_ENABLE))
		return true;
	if (ext ? !filter_extended(v->machine, &f, reg, ext, w)
		: !pci_filter(v->machine, &f, reg, w->size, &w->value))
		return false;
	/* Bits 1:0 are zero by the specification, and move the register in an emulator. */
	out32(PORT_PCI_ADDRESS, address & ~3U);
	port_out(w->port, w->size, w->value);
	out32(PORT_PCI_ADDRESS, address);
	return false;
}

/*
 * CONFIG_ADDRESS is one register of four bytes. Narrower accesses reach what lies below it: reset control
 * at CF9h, and mechanism #2 at CF8h and CFAh, which would be another way to the same registers.
 */
static bool write_address(struct vcpu *v, struct io_access *w)
{
	u32 enable = PORT_PCI_ADDRESS - w->port, forward = PORT_PCI_ADDRESS + 2 - w->port;

	if (w->size == 4)
		return true;
	if (!power_write(v->machine, ACPI_SPACE_IO, w->port, w->value, w->size))
		return false;
	return !(enable < w->size && (u8)(w->value >> 8 * enable)) &&
	       !(forward < w->size && (u8)(w->value >> 8 * forward));
}

void pci_watch(struct machine *m)
{
	static const struct io_range data = {PORT_PCI_DATA, PORT_PCI_DATA + 3, .write = write_data};
	static const struct io_range address = {PORT_PCI_ADDRESS, PORT_PCI_ADDRESS + 3,
						.write = write_address};

	io_watch(m, &data);
	io_watch(m, &address);
}
