/* SPDX-License-Identifier: MIT */
/* IDIV of 64 bits, with known results: on the bare machine, to tell what the emulator makes of it. */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/test.h"

static const struct {
	u64 dividend, divisor, quotient, rest;
} cases[] = {
	{1000000000, 1, 1000000000, 0},
	{1ULL << 40, 3, 0x5555555555, 1},
	{100, 7, 14, 2},
	{-100ULL, 7, -14ULL, -2ULL},
	{100, -7ULL, -14ULL, 2},
	{~0ULL >> 1, 1, ~0ULL >> 1, 0},
};

const char *guest_main(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 quotient, rest;

		__asm__ volatile("cqto\n\tidiv %3"
				 : "=a"(quotient), "=&d"(rest)
				 : "0"(cases[i].dividend), "r"(cases[i].divisor)
				 : "cc");
		check(quotient == cases[i].quotient && rest == cases[i].rest,
		      "%lx / %lx: %lx, rest %lx", cases[i].dividend, cases[i].divisor, quotient,
		      rest);
	}
	return check_end("divide");
}
