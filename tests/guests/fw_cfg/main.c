/* SPDX-License-Identifier: MIT */
/*
 * Has QEMU's fw_cfg write to physical memory: to a page of the guest's, where it can be seen. Under notrap
 * it must not, as it could write to any other; bare=1: it does.
 */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/print.h"

#define SIGNATURE 0x554d4551 /* "QEMU" */

#define ERROR     BIT(0)
#define READ      BIT(1)
#define SELECT    BIT(3)

struct transfer {
	u32 control, length; /* big-endian */
	u64 address;
};

const char *guest_main(void)
{
	volatile struct transfer *t = ptr(page_alloc(1, PAGE_SIZE));
	volatile u32 *to = ptr(page_alloc(1, PAGE_SIZE));
	bool bare = guest_option_number("bare", 0);
	u32 control;
	u8 first, second;

	t->control = __builtin_bswap32(SELECT | READ);
	t->length = __builtin_bswap32(4);
	t->address = __builtin_bswap64((uintptr_t)to);
	out32(0x514, 0);
	out32(0x518, __builtin_bswap32((u32)(uintptr_t)t));
	for (u32 i = 0; i < 1000 && (__builtin_bswap32(t->control) & ~ERROR); i++)
		in8(0x61);
	control = __builtin_bswap32(t->control);
	print("fw_cfg: control %x, memory %x\n", control, *to);
	if (bare)
		return !control && *to == SIGNATURE ? NULL : "no transfer";
	/* By port it is read as ever. */
	out16(0x510, 0);
	first = in8(0x511);
	second = in8(0x511);
	if (first != 'Q' || second != 'E')
		return "fw_cfg cannot be read by port";
	return *to ? "fw_cfg has written to memory" : control == ERROR ? NULL : "no error";
}
