/* SPDX-License-Identifier: MIT */
/* QEMU's firmware configuration: its first item, "QEMU", is copied to an address. */
#include "tests/guests/dma/dma.h"

#define PORT_DMA   0x514
#define ITEM       0
#define CTL_READ   BIT(1)
#define CTL_SELECT BIT(3)
#define LENGTH     4

struct request {
	u32 control, length;
	u64 address;
};

bool fw_cfg_write(u64 at)
{
	u64 page = page_alloc(1, PAGE_SIZE);
	volatile struct request *r = ptr(page);

	r->control = __builtin_bswap32((u32)(ITEM << 16 | CTL_SELECT | CTL_READ));
	r->length = __builtin_bswap32(LENGTH);
	r->address = __builtin_bswap64(at);
	out32(PORT_DMA, __builtin_bswap32((u32)(page >> 32)));
	out32(PORT_DMA + 4, __builtin_bswap32((u32)page));
	wait(1000);
	return !r->control;
}
