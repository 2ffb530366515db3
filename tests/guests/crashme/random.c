/* SPDX-License-Identifier: MIT */
/* Random numbers, and values that are likely to matter. */
#include "tests/guests/crashme/crashme.h"

#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/random.h"

static u64 state;

void random_start(u32 seed)
{
	state = (seed + 1) * RANDOM_SEED_FACTOR;
	for (u32 i = 0; i < 4; i++)
		rnd();
}

u64 rnd(void)
{
	return random_next(&state);
}

u32 pick(u32 n)
{
	return random_below(&state, n);
}

/* An entry of a page table. */
static u64 random_entry(u64 flags)
{
	u64 frame = pages_cold_frame(pick(4));

	return frame | flags | (pick(8) ? 0 : PTE_NX);
}

u64 random_value(void)
{
	/* Small numbers, selectors, addresses, the ends of what is canonical, RFLAGS. */
	static const u64 known[] = {
		0,
		1,
		2,
		3,
		7,
		8,
		0x10,
		0x20,
		0x7f,
		0x80,
		0xff,
		PAGE_SIZE,
		~0ULL,
		WINDOW,
		TABLE_VA,
		DATA_VA,
		COLD_VA,
		STACK_VA,
		GIB(2),
		1ULL << 47,
		~0ULL << 47,
		SEL_USER_DATA,
		SEL_DATA,
		RFLAGS_FIXED | RFLAGS_TF | RFLAGS_IF,
		RFLAGS_FIXED | RFLAGS_TF | RFLAGS_IF | RFLAGS_AC,
		RFLAGS_FIXED | RFLAGS_TF,
	};
	u64 flags = PTE_P | (rnd() & (PTE_W | PTE_U | PTE_PWT | PTE_PCD | PTE_A | PTE_D));

	flags |= pick(4) ? PTE_U | PTE_W : 0;
	switch (pick(4)) {
	case 0:
	case 1:
		return known[pick(ARRAY_SIZE(known))];
	case 2:
		return random_entry(flags);
	default:
		return pick(2) ? rnd() : rnd() & 0xff;
	}
}
