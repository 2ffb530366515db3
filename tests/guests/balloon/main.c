/* SPDX-License-Identifier: MIT */
/*
 * virtio's balloon (virtio 1.1, 5.5) is told pages by number, and takes them away: on QEMU whichever they are,
 * past every IOMMU, and they read as zeros then. Under notrap it must not; bare=1: it does. legacy=1: by its
 * ports.
 */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/pci.h"
#include "guest/builtin/lib/print.h"

#define ID_LEGACY    0x10021af4
#define ID_MODERN    0x10451af4

#define COMMAND      4
#define COMMAND_ALL  7 /* ports, memory, bus master */
#define CAPS         0x34
#define CAP_VENDOR   9
#define CFG_COMMON   1
#define CFG_NOTIFY   2

#define QUEUE        128
#define AVAILABLE_AT 2048
#define USED_AT      4096

#define DRIVER       3 /* and acknowledged */
#define FEATURES_OK  8
#define DRIVER_OK    4

static u64 queue;

static void wait(void)
{
	for (u32 i = 0; i < 100000; i++)
		in8(0x61);
}

/* One buffer, which has the page's number. */
static void fill_queue(u64 victim)
{
	u64 numbers = page_alloc(1, PAGE_SIZE), *desc;

	queue = page_alloc(2, PAGE_SIZE);
	desc = ptr(queue);
	*(u32 *)ptr(numbers) = (u32)(victim >> PAGE_SHIFT);
	desc[0] = numbers;
	desc[1] = sizeof(u32);
	((volatile u16 *)ptr(queue + AVAILABLE_AT))[1] = 1;
}

/* By the ports of its first BAR: virtio 1.1, 4.1.4.8. */
static void by_ports(u32 device)
{
	u16 port = pci_read(device, 0x10) & 0xfffc;

	out8(port + 18, 0);
	out8(port + 18, DRIVER);
	out32(port + 4, 0);
	out16(port + 14, 0);
	out32(port + 8, (u32)(queue >> PAGE_SHIFT));
	out8(port + 18, DRIVER | DRIVER_OK);
	out16(port + 16, 0);
}

/* Where a structure of the configuration is. */
static volatile u8 *structure(u32 device, u32 type, u32 *cap_at)
{
	for (u32 cap = pci_read(device, CAPS) & 0xfc; cap;
	     cap = pci_read(device, cap) >> 8 & 0xfc) {
		u32 head = pci_read(device, cap), bar = 0x10 + 4 * (pci_read(device, cap + 4) & 7);
		u64 at = pci_read(device, bar) & ~15U;

		if ((head & 0xff) != CAP_VENDOR || head >> 24 != type)
			continue;
		at |= (u64)pci_read(device, bar + 4) << 32;
		map_identity(at, KIB(16));
		*cap_at = cap;
		return (volatile u8 *)ptr(at) + pci_read(device, cap + 8);
	}
	guest_fail("the balloon has no configuration of type %u", type);
}

static void by_memory(u32 device)
{
	u32 cap;
	volatile u8 *common = structure(device, CFG_COMMON, &cap);
	volatile u8 *notify = structure(device, CFG_NOTIFY, &cap);
	volatile u32 *words = (volatile u32 *)common;
	u32 high, step = pci_read(device, cap + 16);

	common[20] = 0;
	common[20] = DRIVER;
	words[0] = 1;
	high = words[1] & 3;
	words[2] = 0;
	words[3] = 0;
	words[2] = 1;
	words[3] = high;
	common[20] = DRIVER | FEATURES_OK;
	*(volatile u16 *)(common + 22) = 0;
	*(volatile u16 *)(common + 24) = QUEUE;
	words[8] = (u32)queue;
	words[9] = 0;
	words[10] = (u32)queue + AVAILABLE_AT;
	words[11] = 0;
	words[12] = (u32)queue + USED_AT;
	words[13] = 0;
	*(volatile u16 *)(common + 28) = 1;
	common[20] = DRIVER | FEATURES_OK | DRIVER_OK;
	*(volatile u16 *)(notify + *(volatile u16 *)(common + 30) * step) = 0;
}

/* Functions of bus 0 that only one of both ways shows; what it decodes is to be had by neither. */
static const char *hidden(void)
{
	u64 window = pci_window();

	if (guest_option_number("bare", 0))
		return "there is no balloon";
	if (window)
		map_identity(window, MIB(1));
	for (u32 bdf = 0; window && bdf < 256; bdf++) {
		volatile u32 *function = ptr(window + ((u64)bdf << PAGE_SHIFT));

		if (function[0] == ID_LEGACY || function[0] == ID_MODERN)
			return "the balloon is found by memory";
		/* What stands for hidden memory has zeros. */
		if (function[0] && function[0] != pci_read(bdf, 0))
			return "ports and memory do not show the same";
	}
	return NULL;
}

/* What notrap hides is still there: by its number, written blindly. */
static void try_blindly(void)
{
	for (u32 bdf = 0; bdf < 256; bdf++) {
		if (pci_read(bdf, 0) == ~0U)
			pci_write(bdf, COMMAND, COMMAND_ALL);
	}
}

const char *guest_main(void)
{
	u64 victim = page_alloc(1, PAGE_SIZE);
	volatile u64 *word = ptr(victim);
	u32 device;

	try_blindly();
	device = pci_find(0, 0, ID_LEGACY, ~0U);

	if (device == PCI_NONE)
		device = pci_find(0, 0, ID_MODERN, ~0U);
	if (device == PCI_NONE)
		return hidden();
	*word = ~0ULL;
	fill_queue(victim);
	pci_write(device, COMMAND, COMMAND_ALL);
	if (guest_option_number("legacy", 0))
		by_ports(device);
	else
		by_memory(device);
	wait();
	print("balloon: command %x, memory %lx\n", pci_read(device, COMMAND) & 0xffff, *word);
	if (guest_option_number("bare", 0))
		return *word ? "no page was taken" : NULL;
	return *word ? NULL : "a page was taken";
}
