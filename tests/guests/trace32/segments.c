/* SPDX-License-Identifier: MIT */
/* A GDT with odd segments, and a TSS that lets virtual-8086 code have ports. */
#include "tests/guests/trace32/segments.h"
#include "arch/string.h"

#define GRANULAR  BIT(55) /* the limit counts pages */
#define TSS_BYTES 104
#define PORTS     0x1000

static struct __attribute__((packed)) {
	u32 link, esp0, ss0, rest[22];
	u16 trap, iomap;
	u8 bitmap[PORTS / 8], end;
} tss;

_Static_assert(sizeof(tss) == TSS_BYTES + PORTS / 8 + 1, "SDM vol. 3A 8.2.1");

extern u64 gdt[];
static u64 table[12];

/* A descriptor: its limit in bytes below 1 MiB, its type and S, DPL, P, and D. */
static u64 segment(u32 base, u32 limit, u32 type, bool big)
{
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)type << 40 |
	       (u64)(limit >> 16 & 15) << 48 | (u64)big << 54 | (u64)(base >> 24) << 56;
}

void segments_init(u32 esp0)
{
	struct __attribute__((packed)) {
		u16 limit;
		u32 base;
	} pointer = {sizeof(table) - 1, ADDR(table)};

	memcpy(table, gdt, 7 * sizeof(table[0]));
	tss.esp0 = esp0;
	tss.ss0 = SEL_DATA;
	tss.iomap = TSS_BYTES;
	tss.end = 0xff;
	table[SEL_TSS / 8] = segment(ADDR(&tss), sizeof(tss) - 1, 0x89, false);
	table[SEL_SMALL / 8] = segment(ADDR(buffer), 31, 0xf3, true);
	/* Only its last page, which begins with the buffer, is above the limit. */
	table[SEL_DOWN / 8] = segment(ADDR(buffer) + PAGE_SIZE, 0xffffe, 0xf7, true) | GRANULAR;
	table[SEL_BASED / 8] = segment(CODE_BASE, 0xfffff, 0x9b, true) | GRANULAR;
	table[SEL_READ / 8] = segment(ADDR(buffer), 31, 0xf1, true);
	__asm__ volatile("lgdt %0\n\tltr %w1" : : "m"(pointer), "r"(SEL_TSS));
}

void ports_allow(bool all)
{
	memset(tss.bitmap, all ? 0 : 0xff, sizeof(tss.bitmap));
}
