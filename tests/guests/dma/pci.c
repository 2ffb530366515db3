/* SPDX-License-Identifier: MIT */
#include "tests/guests/dma/dma.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define DEVICES        256

static inline void out32(u16 port, u32 value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline u32 in32(u16 port)
{
	u32 value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

void wait(u32 reads)
{
	while (reads--)
		in8(0x61);
}

u32 pci_read(u32 device, u32 offset)
{
	out32(CONFIG_ADDRESS, 1U << 31 | device << 8 | offset);
	return in32(CONFIG_DATA);
}

void pci_write(u32 device, u32 offset, u32 value)
{
	out32(CONFIG_ADDRESS, 1U << 31 | device << 8 | offset);
	out32(CONFIG_DATA, value);
}

u32 pci_find(u32 id)
{
	for (u32 device = 0; device < DEVICES; device++)
		if (pci_read(device, 0) == id)
			return device;
	return NO_DEVICE;
}

u32 pci_find_class(u32 class)
{
	for (u32 device = 0; device < DEVICES; device++)
		if (pci_read(device, 0) != ~0U && pci_read(device, 8) >> 16 == class)
			return device;
	return NO_DEVICE;
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
