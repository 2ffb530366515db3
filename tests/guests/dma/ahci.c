/* SPDX-License-Identifier: MIT */
/* AHCI: a port that is started puts its drive's first FIS into memory. */
#include "tests/guests/dma/dma.h"

#define CLASS_AHCI 0x0106U
#define REG_GHC    (4 / 4)
#define GHC_AE     (1U << 31)
#define PORTS      6
#define PORT(n)    ((0x100 + 0x80 * (n)) / 4)
#define PORT_CLB   0
#define PORT_FB    2
#define PORT_CMD   6
#define PORT_SCTL  11
#define CMD_ST     0x01
#define CMD_FRE    0x10
#define SCTL_RESET 1

/* Anything in the page but zeros. */
static bool any(const volatile u64 *page)
{
	for (u32 i = 0; i < PAGE_SIZE / 8; i++)
		if (page[i])
			return true;
	return false;
}

static void start(volatile u32 *port, u64 at)
{
	port[PORT_CMD] &= ~(u32)(CMD_ST | CMD_FRE);
	wait(10000);
	port[PORT_CLB] = (u32)at;
	port[PORT_CLB + 1] = (u32)(at >> 32);
	port[PORT_FB] = (u32)at + 1024;
	port[PORT_FB + 1] = (u32)(at >> 32);
	port[PORT_CMD] |= CMD_FRE;
	wait(1000);
	port[PORT_CMD] |= CMD_ST;
	port[PORT_SCTL] = SCTL_RESET;
	wait(10000);
	port[PORT_SCTL] = 0;
	wait(10000);
	port[PORT_CMD] &= ~(u32)(CMD_ST | CMD_FRE);
}

bool ahci_write(u64 at, bool *reached)
{
	u32 device = pci_find(0, 8, CLASS_AHCI << 16, 0xffff0000);
	volatile u32 *reg;

	if (device == PCI_NONE)
		return false;
	reg = pci_bar(device, 5, PAGE_SIZE);
	reg[REG_GHC] |= GHC_AE;
	memset(ptr(at), 0, PAGE_SIZE);
	for (u32 i = 0; i < PORTS; i++)
		start(reg + PORT(i), at);
	*reached = any(ptr(at));
	return true;
}
