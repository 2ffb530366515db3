/* SPDX-License-Identifier: MIT */
/*
 * Random code: what exits or is carried out above all. A line for each stream, the same on the bare
 * machine and under notrap: its seed, how many events it met, and a hash of these, its registers and its
 * memory; or that the watchdog has ended it.
 *
 * seed=N the first one, count=N how many, say=N the details of stream N; steps=0 no single steps or
 * breakpoints to begin with, wild=1 some bytes of some instructions are random.
 */
#include "tests/guests/crashme/crashme.h"

#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"

static void choose_kind(bool wild)
{
	stream.user = pick(3) == 0;
	stream.compat = pick(3) == 0;
	stream.code16 = stream.compat && !pick(3);
	stream.odd = stream.compat && pick(2);
	stream.wild = pick(3) == 0 && wild;
	stream.edge = pick(3) == 0;
	stream.table = pick(4) != 0;
	stream.cold = !stream.table;
	stream.invlpg = !stream.user && pick(2);
	stream.cold |= stream.invlpg;
}

/* So that the tables have shadows, and writes to them are carried out. */
static void touch_tables(void)
{
	(void)*(volatile u8 *)ptr(COLD_VA + PAGE_2M - PAGE_SIZE);
	(void)*(volatile u8 *)ptr(FAR_VA + PAGE_2M - PAGE_SIZE);
}

static void one_stream(u32 seed, bool wild)
{
	struct registers r = {0};

	random_start(seed);
	choose_kind(wild);
	machine_restore();
	pages_set();
	registers_set(&r);
	r.rip = stream_make();
	if (stream.say) {
		stream_show();
		registers_show(&r);
		pages_show();
	}
	events_start();
	touch_tables();
	watchdog(true);
	breakpoints_set();
	run_stream(&r);
	machine_restore();
	watchdog(false);
	registers_note();
	pages_note();
	if (outcome.watchdog)
		print("trace: %u watchdog\n", seed);
	else
		print("trace: %u %u %08x\n", seed, outcome.events,
		      (u32)(outcome.hash ^ outcome.hash >> 32));
}

const char *guest_main(void)
{
	u32 seed = guest_option_number("seed", 1), count = guest_option_number("count", 100);
	u32 say = guest_option_number("say", ~0U);
	bool wild = guest_option_number("wild", 0);

	stream.steps = guest_option_number("steps", 1);
	events_init();
	machine_init();
	watchdog_init();
	pages_init();
	for (u32 i = 0; i < count; i++) {
		stream.say = seed + i == say;
		one_stream(seed + i, wild);
	}
	return check_end("crashme");
}
