/* SPDX-License-Identifier: MIT */
/*
 * The same for a 32-bit kernel: 4M pages, whose table is the root itself, so that its own code is mapped by
 * it; and PAE's 2M pages, in a directory that maps nothing else. Needs 1 GiB of RAM.
 */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/test.h"
#include "tests/guests/large/flood.h"

#define MANY   128
#define FEW    16
#define ALL    512 /* all of a PAE table */
#define FRAMES 256

struct run {
	enum paging paging;
	struct flood flood;
};

static const struct run runs[] = {
	{PAGING_TWO_LEVEL, {"4K", MANY, MANY, 4, PAGE_SIZE, 0, 0, MIB(64)}},
	{PAGING_TWO_LEVEL, {"4M", MANY, MANY, 4, PAGE_4M, PTE_PS, 0, MIB(64)}},
	{PAGING_TWO_LEVEL, {"4M", FEW, FEW, 4, PAGE_4M, PTE_PS, 0, MIB(64)}},
	{PAGING_PAE, {"2M", ALL, FRAMES, 8, PAGE_2M, PTE_PS, 0, MIB(64)}},
	{PAGING_PAE, {"2M", FEW, FEW, 8, PAGE_2M, PTE_PS, 0, MIB(64)}},
};

const char *guest_main(void)
{
	if (!memory_is_ram(MIB(64), MIB(64) + FRAMES * PAGE_2M))
		return "it needs 1 GiB of RAM";
	for (u32 i = 0; i < ARRAY_SIZE(runs); i++) {
		const struct flood *f = &runs[i].flood;

		for (u32 kind = 0; kind < FLOOD_KINDS; kind++) {
			reg va = f->ps ? GIB(2) : GIB(3);

			/* New tables, with no past. */
			paging_switch(runs[i].paging);
			flood(f, kind, (reg)entry_of(va, f->ps ? 2 : 1), va);
		}
	}
	paging_switch(PAGING_OFF);
	return check_end("large32");
}
