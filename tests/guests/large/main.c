/* SPDX-License-Identifier: MIT */
/*
 * A kernel that changes large pages one by one, each with an INVLPG; and, for comparison, small ones.
 * Needs 1 GiB of RAM.
 */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"
#include "tests/guests/large/flood.h"

#define MANY   512 /* all of a table */
#define FEW    16
#define FRAMES 256

static const struct flood floods[] = {
	{"4K", MANY, MANY, 8, PAGE_SIZE, 0, 0, MIB(64)},
	{"2M", MANY, FRAMES, 8, PAGE_2M, PTE_PS, 0, MIB(64)},
	{"2M", FEW, FEW, 8, PAGE_2M, PTE_PS, 0, MIB(64)},
	{"1G", MANY, 1, 8, PAGE_1G, PTE_PS, MIB(64), 0},
	{"1G", FEW, 1, 8, PAGE_1G, PTE_PS, MIB(64), 0},
};

const char *guest_main(void)
{
	bool pages_1g = cpuid(0x80000001, 0).edx & BIT(26);
	reg va = 5ULL << 39;

	if (!memory_is_ram(MIB(64), MIB(64) + FRAMES * PAGE_2M))
		return "it needs 1 GiB of RAM";
	for (u32 i = 0; i < ARRAY_SIZE(floods); i++) {
		const struct flood *f = &floods[i];
		u32 level = f->size == PAGE_SIZE ? 1 : f->size == PAGE_2M ? 2 : 3;

		if (level == 3 && !pages_1g)
			continue;
		/* A new table each time, with no past. */
		for (u32 kind = 0; kind < FLOOD_KINDS; kind++, va += BIT(39))
			flood(f, kind, (reg)entry_of(paging_root, va, level), va);
	}
	return check_end("large");
}
