/* SPDX-License-Identifier: MIT */
/* Programmable attribute maps (Intel 440FX PMC 3.2.15, 3 Series Express Chipset 5.1.20). */
#include "guest/firmware/bios_area.h"

#include "guest/firmware/pci.h"

#define PAM_WRITE BIT(5) /* in PAM0: writes of 0xf0000 to 0xfffff go to RAM */
#define OPENED    BIT(16)

static const struct {
	u32 id;
	u8 pam0;
} bridges[] = {
	{PCI_ID_440FX, 0x59},
	{PCI_ID_Q35, 0x90},
};

static const struct pci_function host;

/* The register's offset, 0 where it is not known. */
static u8 find_pam0(void)
{
	u32 id = pci_read(&host, PCI_VENDOR, 4);

	for (u32 i = 0; i < ARRAY_SIZE(bridges); i++) {
		if (bridges[i].id == id)
			return bridges[i].pam0;
	}
	return 0;
}

u32 bios_area_open(void)
{
	u8 pam0 = find_pam0(), old;

	if (!pam0)
		return 0;
	old = (u8)pci_read(&host, pam0, 1);
	pci_write(&host, pam0, 1, old | PAM_WRITE);
	return OPENED | (u32)pam0 << 8 | old;
}

void bios_area_close(u32 opened)
{
	if (opened & OPENED)
		pci_write(&host, opened >> 8 & 0xff, 1, opened & 0xff);
}
