/* SPDX-License-Identifier: MIT */
/* Programmable attribute maps (Intel 440FX PMC 3.2.15, 3 Series Express Chipset 5.1.20). */
#include "guest/firmware/bios_area.h"

#include "arch/insn.h"

#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc
#define PCI_ENABLE  BIT(31) /* of bus 0, device 0, function 0 */

#define PAM_WRITE   BIT(5) /* in PAM0: writes of 0xf0000 to 0xfffff go to RAM */
#define OPENED      BIT(16)

static const struct {
	u32 id; /* device, vendor */
	u8 pam0;
} bridges[] = {
	{0x12378086, 0x59}, /* 440FX */
	{0x29c08086, 0x90}, /* Q35 */
};

static u16 select_byte(u8 offset)
{
	out32(PCI_ADDRESS, PCI_ENABLE | (offset & ~3U));
	return PCI_DATA + (offset & 3);
}

/* The register's offset, 0 where it is not known. */
static u8 find_pam0(void)
{
	u32 id;

	out32(PCI_ADDRESS, PCI_ENABLE);
	id = in32(PCI_DATA);
	for (u32 i = 0; i < ARRAY_SIZE(bridges); i++) {
		if (bridges[i].id == id)
			return bridges[i].pam0;
	}
	return 0;
}

u32 bios_area_open(void)
{
	u32 address = in32(PCI_ADDRESS), opened = 0;
	u8 offset = find_pam0(), old;
	u16 port;

	if (offset) {
		port = select_byte(offset);
		old = in8(port);
		out8(port, old | PAM_WRITE);
		opened = OPENED | (u32)offset << 8 | old;
	}
	out32(PCI_ADDRESS, address);
	return opened;
}

void bios_area_close(u32 opened)
{
	u32 address = in32(PCI_ADDRESS);

	if (!(opened & OPENED))
		return;
	out8(select_byte((u8)(opened >> 8)), (u8)opened);
	out32(PCI_ADDRESS, address);
}
