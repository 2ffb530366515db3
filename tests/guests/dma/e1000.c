/* SPDX-License-Identifier: MIT */
/* Intel's 82540EM: it marks a transmit descriptor as done, in memory. */
#include "tests/guests/dma/dma.h"

#define E1000_ID    0x100e8086
#define REG_TCTL    (0x400 / 4)
#define REG_TDBAL   (0x3800 / 4)
#define REG_TDBAH   (0x3804 / 4)
#define REG_TDLEN   (0x3808 / 4)
#define REG_TDH     (0x3810 / 4)
#define REG_TDT     (0x3818 / 4)
#define TCTL_EN     2
#define TCTL_PSP    8
#define DESC_LENGTH 64
#define DESC_CMD    (0x0bULL << 24) /* EOP, IFCS, RS: say when it is done */
#define DESC_DONE   BIT(32)
#define RING        128 /* bytes: eight descriptors, of which the first is sent */

/* Its ring is at `at`. The packet is the ring's own page: that is memory of ours, or to be refused. */
bool e1000_write(u64 at, bool *reached)
{
	u32 device = pci_find(0, 0, E1000_ID, ~0U);
	volatile u64 *ring = ptr(at);
	volatile u32 *reg;

	if (device == PCI_NONE)
		return false;
	reg = pci_bar(device, 0, KIB(128));
	ring[0] = at + 2048;
	ring[1] = DESC_LENGTH | DESC_CMD;
	reg[REG_TCTL] = 0;
	reg[REG_TDBAL] = (u32)at;
	reg[REG_TDBAH] = (u32)(at >> 32);
	reg[REG_TDLEN] = RING;
	reg[REG_TDH] = reg[REG_TDT] = 0;
	reg[REG_TCTL] = TCTL_EN | TCTL_PSP;
	reg[REG_TDT] = 1;
	wait(100000);
	*reached = ring[1] & DESC_DONE;
	return true;
}
