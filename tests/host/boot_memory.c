/* SPDX-License-Identifier: MIT */
#include "tests/host/boot_memory.h"

#include <string.h>

#include "tests/host/fake/console.h"
#include "tests/host/fake/ram.h"

u8 low[LOW_SIZE + 0x10000];
u8 top[TOP_SIZE];

struct fake_ram fake_ram[] = {
	{~0ULL, 0, NULL, 0},
	{TOP, TOP_SIZE, top, 0},
	{0, TOP, low, LOW_SIZE},
};
const u32 fake_ram_count = ARRAY_SIZE(fake_ram);

void place_info(void *block, size_t size)
{
	fake_ram[0] = (struct fake_ram){INFO, size, block, 0};
}

void remove_info(void)
{
	fake_ram[0] = (struct fake_ram){~0ULL, 0, NULL, 0};
}

void said(const char *what)
{
	if (!strstr(fake_failed, what))
		assert_string_equal(fake_failed, what);
}
