/* SPDX-License-Identifier: MIT */
/* Programmable attribute maps (Intel 440FX PMC 3.2.15, 3 Series Express Chipset 5.1.20). */
#include "guest/firmware/bios_area.h"

#include "guest/firmware/pci.h"

#define PAM_WRITE BIT(5) /* in PAM0: writes of 0xf0000 to 0xfffff go to RAM */
#define OPENED    BIT(16)

u32 bios_area_open(void)
{
	const struct pci_host_bridge *bridge = pci_host_bridge();
	u8 old;

	if (!bridge)
		return 0;
	old = (u8)pci_read(&pci_host, bridge->pam0, 1);
	pci_write(&pci_host, bridge->pam0, 1, old | PAM_WRITE);
	return OPENED | (u32)bridge->pam0 << 8 | old;
}

void bios_area_close(u32 opened)
{
	if (opened & OPENED)
		pci_write(&pci_host, opened >> 8 & 0xff, 1, opened & 0xff);
}
