/* SPDX-License-Identifier: MIT */
/* QEMU's edu: a buffer of 4 KiB, copied to and from memory on command. */
#include "tests/guests/dma/dma.h"

#define EDU_ID     0x11e81234
#define EDU_BUFFER 0x40000
#define REG_SOURCE (0x80 / 8)
#define REG_TARGET (0x88 / 8)
#define REG_COUNT  (0x90 / 8)
#define REG_START  (0x98 / 8)
#define START      1
#define TO_MEMORY  2
/* It takes less than its buffer at once. */
#define COUNT   1024
#define WORDS   (COUNT / 8)
#define PATTERN 0x6d6f726620415641ULL

static volatile u64 *edu;
static u64 *mine;

static bool find(void)
{
	u32 device = pci_find(0, 0, EDU_ID, ~0U);

	if (device == PCI_NONE)
		return false;
	if (!edu) {
		edu = (volatile u64 *)pci_bar(device, 0, MIB(1));
		mine = ptr(page_alloc(1, PAGE_SIZE));
	}
	return true;
}

static void copy(u64 from, u64 to, u64 way)
{
	edu[REG_SOURCE] = from;
	edu[REG_TARGET] = to;
	edu[REG_COUNT] = COUNT;
	edu[REG_START] = START | way;
	for (u32 i = 0; edu[REG_START] & START; i++) {
		if (i == 10000000)
			guest_fail("edu does not end a transfer");
		wait(10);
	}
}

/* The device's buffer, by way of a page of ours. */
static void fill(u64 pattern)
{
	for (u32 i = 0; i < WORDS; i++)
		mine[i] = pattern + i;
	copy((u64)(uintptr_t)mine, EDU_BUFFER, 0);
	memset(mine, 0, COUNT);
	copy(EDU_BUFFER, (u64)(uintptr_t)mine, TO_MEMORY);
	check(mine[0] == pattern && mine[WORDS - 1] == pattern + WORDS - 1,
	      "edu: an ordinary transfer there and back");
}

/* What it has read of `at` is neither what its buffer had before, nor nothing. */
bool edu_read(u64 at, bool *reached)
{
	u64 same = 0, none = 0;

	if (!find())
		return false;
	fill(PATTERN);
	copy(at, EDU_BUFFER, 0);
	copy(EDU_BUFFER, (u64)(uintptr_t)mine, TO_MEMORY);
	for (u32 i = 0; i < WORDS; i++) {
		same += mine[i] == PATTERN + i;
		none += !mine[i] || mine[i] == ~0ULL;
	}
	*reached = same != WORDS && none != WORDS;
	return true;
}

/* What it has written there, it reads there. */
bool edu_write(u64 at, bool *reached)
{
	if (!find())
		return false;
	fill(~PATTERN);
	copy(EDU_BUFFER, at, TO_MEMORY);
	fill(PATTERN);
	copy(at, EDU_BUFFER, 0);
	copy(EDU_BUFFER, (u64)(uintptr_t)mine, TO_MEMORY);
	*reached = mine[0] == ~PATTERN;
	return true;
}
