/* SPDX-License-Identifier: MIT */
/*
 * Resets the machine with a warm start prepared: firmware that finds 0Ah in the CMOS's shutdown byte jumps to
 * what 40:67 names, with memory as it was and no hypervisor. by=N: which way of resetting, and which
 * port the byte is written by.
 */
#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/pci.h"
#include "guest/builtin/lib/print.h"

extern const u8 warm_code[], warm_code_end[];

#define WARM_AT       0x8000 /* warm.asm is made for it */
#define WARM_VECTOR   0x467

#define SHUTDOWN      0x0f
#define JUMP_TO_40_67 0x0a
#define NMI_OFF       0x80

enum way { KEYBOARD = 1, FULL, PORT92, SOFT, TRIPLE, OUTPUT_PORT, WIDE };

static void triple_fault(void)
{
	static const struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) none = {0};

	__asm__ volatile("lidt %0; int3" : : "m"(none));
}

static void reset(enum way way)
{
	switch (way) {
	case KEYBOARD:
		out8(0x64, 0xfe);
		break;
	case FULL:
		out8(0xcf9, 0x02);
		out8(0xcf9, 0x06);
		break;
	case PORT92:
		out8(0x92, in8(0x92) | 1);
		break;
	case SOFT:
		out8(0xcf9, 0x00);
		out8(0xcf9, 0x04);
		break;
	case TRIPLE:
		triple_fault();
		break;
	case OUTPUT_PORT:
		out8(0x64, 0xd1);
		out8(0x60, 0xfe);
		break;
	case WIDE:
		out16(0xcf9, 0x0006);
		break;
	}
}

const char *guest_main(void)
{
	u32 by = guest_option_number("by", KEYBOARD);

	map_identity(0, PAGE_SIZE);
	memcpy(ptr(WARM_AT), warm_code, (size_t)(warm_code_end - warm_code));
	/* The address register is no reset, whatever its value; nor is reading. */
	pci_write(0, 0, ~0U);
	out32(PCI_ADDRESS, 0x00000600);
	if (in32(PCI_ADDRESS) != 0x00000600 && in32(PCI_ADDRESS) != 0)
		print("warm: the address register reads %x\n", in32(PCI_ADDRESS));
	*(volatile u32 *)ptr(WARM_VECTOR) = WARM_AT << 12; /* 0800:0000 */
	if (by == WIDE) {
		out16(0x70, JUMP_TO_40_67 << 8 | SHUTDOWN);
	} else {
		out8(0x70, SHUTDOWN | NMI_OFF);
		out8(0x71, JUMP_TO_40_67);
	}
	out8(0x70, SHUTDOWN);
	if (in8(0x71) != JUMP_TO_40_67)
		return "the shutdown byte does not keep its value";
	print("warm: reset by way %u\n", by);
	print_drain();
	reset((enum way)by);
	for (u32 i = 0; i < 3000000; i++)
		in8(0x61);
	return "the machine has not been reset";
}
