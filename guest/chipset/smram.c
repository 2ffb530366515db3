/* SPDX-License-Identifier: MIT */
/*
 * SMRAM: what is written there runs above the hypervisor. Firmware for real machines closes and locks it;
 * that of emulated ones does not.
 */
#include "arch/console.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/pci_guard.h"
#include "guest/firmware/pci.h"

#define D_OPEN BIT(6)
#define D_LCK  BIT(4) /* D_OPEN is clear from then on, until a reset */

static void lock(u32 reg)
{
	u32 smram = pci_read(&pci_host, reg, 1);

	if (smram & D_LCK)
		return;
	pci_write(&pci_host, reg, 1, (smram & ~(u32)D_OPEN) | D_LCK);
	if ((pci_read(&pci_host, reg, 1) & (D_LCK | D_OPEN)) == D_LCK)
		say("SMRAM was not locked: closed and locked now");
	else
		say("SMRAM is not locked, and cannot be: keep guests that are not trusted off this "
		    "machine");
}

void smram_lock(void)
{
	const struct pci_host_bridge *bridge = pci_host_bridge();
	u32 id = pci_read(&pci_host, PCI_VENDOR, 4);

	/* Elsewhere it is in MSRs, which guests cannot write. */
	if ((u16)id != PCI_VENDOR_INTEL)
		return;
	if (bridge)
		lock(bridge->smram);
	else
		say("SMRAM: notrap does not know host bridge 8086:%04x, and leaves its lock to the firmware",
		    id >> 16);
}
