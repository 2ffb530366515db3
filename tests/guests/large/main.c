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
	{"4K", MANY, PAGE_SIZE, 0, MIB(64), MANY, 0, 8},
	{"2M", MANY, PAGE_2M, PTE_PS, MIB(64), FRAMES, 0, 8},
	{"2M", FEW, PAGE_2M, PTE_PS, MIB(64), FEW, 0, 8},
	{"1G", MANY, PAGE_1G, PTE_PS, 0, 1, MIB(64), 8},
	{"1G", FEW, PAGE_1G, PTE_PS, 0, 1, MIB(64), 8},
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
