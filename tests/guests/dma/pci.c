/* SPDX-License-Identifier: MIT */
#include "tests/guests/dma/dma.h"

void wait(u32 reads)
{
	while (reads--)
		in8(0x61);
}

volatile u32 *pci_bar(u32 device, u32 n, u32 size)
{
	u32 low = pci_read(device, 0x10 + 4 * n);
	u64 at = low & ~15U;

	if ((low & 6) == 4)
		at |= (u64)pci_read(device, 0x14 + 4 * n) << 32;
	pci_write(device, 4, pci_read(device, 4) | 6);
	map_identity(at, size);
	return ptr(at);
}
