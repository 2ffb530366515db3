/* SPDX-License-Identifier: MIT */
/*
 * QEMU's NVDIMM answers its driver in memory: at the address that is written to port 0A18h, whatever that is,
 * and past every IOMMU. Under notrap it must not; bare=1: it does.
 */
#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/print.h"

#define PORT 0xa18

const char *guest_main(void)
{
	u64 page = page_alloc(1, PAGE_SIZE);
	volatile u32 *to = ptr(page);

	/* No revision of the interface, which is an answer too: a length, and a status. */
	memset(ptr(page), 0xff, PAGE_SIZE);
	out32(PORT, (u32)page);
	/* Each of its bytes, by a store of that width, and from before it. */
	if (to[0] == ~0U) {
		out16(PORT, (u16)page);
		out8(PORT, (u8)page);
		out32(PORT - 2, (u32)page << 16);
	}
	print("nvdimm: memory %x %x\n", to[0], to[1]);
	if (guest_option_number("bare", 0))
		return to[0] == 8 ? NULL : "no answer";
	return to[0] == ~0U ? NULL : "the device has written to memory";
}
