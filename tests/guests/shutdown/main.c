/* SPDX-License-Identifier: MIT */
/*
 * The port that ends Bochs, letter by letter: none that does not end the machine may make notrap print its
 * report, nor cost a long exit. With end=1 it goes on to the whole word, which ends Bochs and is nothing
 * elsewhere.
 */
#include "arch/cpu.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"

#define PORT     0x8900
#define EXIT_MAX 2000000 /* ticks of the TSC; an instruction each in Bochs */

static u64 now(void)
{
	u32 lo, hi;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

static void write(const char *text)
{
	while (*text)
		out8(PORT, (u8)*text++);
}

static u64 ticks_of(const char *text)
{
	u64 start = now();

	write(text);
	return now() - start;
}

const char *guest_main(void)
{
	/* Neither has the whole word in it, as Bochs reads it. */
	static const char *const texts[] = {"S", "SSSS", "Shutdow.", "nwodtuhS", "Shut."};
	bool timed = guest_option_number("timed", 0);

	for (u32 i = 0; i < 3 * ARRAY_SIZE(texts); i++) {
		u64 ticks = ticks_of(texts[i % ARRAY_SIZE(texts)]);

		write(".");
		check(!timed || ticks < EXIT_MAX, "%s took %lu ticks", texts[i % ARRAY_SIZE(texts)],
		      ticks);
	}
	out16(PORT, 'S');
	out32(PORT, 'S' | 'h' << 8 | 'u' << 16 | 't' << 24);
	print("shutdown: still here\n");
	if (guest_option_number("end", 0))
		write("Shutdown");
	return check_end("shutdown");
}
