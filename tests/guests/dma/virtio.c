/* SPDX-License-Identifier: MIT */
/* virtio's entropy source, without its legacy interface: it fills a buffer (virtio 1.1, 4.1, 2.6). */
#include "tests/guests/dma/dma.h"

#define RNG_ID     0x10441af4
#define CAP_VENDOR 9
#define CFG_COMMON 1
#define CFG_NOTIFY 2

/* The common configuration, in bytes. */
#define FEATURE_SELECT  8
#define FEATURE         12
#define STATUS          20
#define QUEUE_SELECT    22
#define QUEUE_SIZE      24
#define QUEUE_ENABLE    28
#define QUEUE_NOTIFY    30
#define QUEUE_DESC      32
#define QUEUE_AVAILABLE 40
#define QUEUE_USED      48

#define STATUS_DRIVER   3 /* and acknowledged */
#define STATUS_FEATURES 8
#define STATUS_OK       4
/* In the upper half of the features: version 1, and that it goes by the platform's DMA addresses. */
#define FEATURES_HIGH 3
#define DESC_WRITE    (2ULL << 32)
#define AVAILABLE_AT  1024
#define USED_AT       2048
#define LENGTH        64

static volatile u8 *common, *notify;
static u32 notify_step;

/* Where a structure of the configuration is: BAR, offset; NULL: not there. */
static volatile u8 *structure(u32 device, u32 type, u32 *cap_at)
{
	for (u32 cap = pci_read(device, 0x34) & 0xfc; cap;
	     cap = pci_read(device, cap) >> 8 & 0xfc) {
		u32 head = pci_read(device, cap), bar = pci_read(device, cap + 4) & 0xff;

		if ((head & 0xff) != CAP_VENDOR || head >> 24 != type)
			continue;
		*cap_at = cap;
		return (volatile u8 *)pci_bar(device, bar, KIB(16)) + pci_read(device, cap + 8);
	}
	return NULL;
}

static void put32(u32 at, u32 value)
{
	*(volatile u32 *)(common + at) = value;
}

static void put16(u32 at, u16 value)
{
	*(volatile u16 *)(common + at) = value;
}

static void put_address(u32 at, u64 value)
{
	put32(at, (u32)value);
	put32(at + 4, (u32)(value >> 32));
}

/* Its queue is a page of ours, and its buffer at `at`. */
bool virtio_write(u64 at, bool *reached)
{
	u32 device = pci_find(0, 0, RNG_ID, ~0U), cap = 0, turn = 0;
	u64 page = page_alloc(1, PAGE_SIZE), *desc = ptr(page);
	volatile u16 *available = ptr(page + AVAILABLE_AT);
	volatile u64 *buffer = ptr(at);

	if (device == PCI_NONE)
		return false;
	common = structure(device, CFG_COMMON, &cap);
	notify = structure(device, CFG_NOTIFY, &cap);
	notify_step = pci_read(device, cap + 16);
	check(common && notify, "virtio: a modern device");
	memset(desc, 0, PAGE_SIZE);
	buffer[0] = buffer[1] = 0;
	common[STATUS] = 0;
	while (common[STATUS] && turn++ < 1000)
		wait(100);
	common[STATUS] = STATUS_DRIVER;
	put32(FEATURE_SELECT, 0);
	put32(FEATURE, 0);
	put32(FEATURE_SELECT, 1);
	put32(FEATURE, FEATURES_HIGH);
	common[STATUS] = STATUS_DRIVER | STATUS_FEATURES;
	check(common[STATUS] & STATUS_FEATURES, "virtio: version 1, with the platform's addresses");
	put16(QUEUE_SELECT, 0);
	put16(QUEUE_SIZE, 8);
	put_address(QUEUE_DESC, page);
	put_address(QUEUE_AVAILABLE, page + AVAILABLE_AT);
	put_address(QUEUE_USED, page + USED_AT);
	put16(QUEUE_ENABLE, 1);
	common[STATUS] = STATUS_DRIVER | STATUS_FEATURES | STATUS_OK;
	desc[0] = at;
	desc[1] = LENGTH | DESC_WRITE;
	available[1] = 1;
	*(volatile u16 *)(notify + (u64) * (volatile u16 *)(common + QUEUE_NOTIFY) * notify_step) =
		0;
	wait(1000000);
	*reached = buffer[0] || buffer[1];
	return true;
}
