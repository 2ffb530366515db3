/* SPDX-License-Identifier: MIT */
/*
 * The built-in guest: what paging costs, operation by operation.
 *
 * Command line: phases=name,name (default all), n=pages (a multiple of 512, default 2048),
 * exits_port=number (where another hypervisor tells its exits, 32 bits).
 * It times itself by the TSC and reads notrap's count of exits, so that the very same file run
 * bare is the baseline.
 */
#include "guest/builtin/bench/bench.h"

#include "arch/string.h"
#include "guest/builtin/lib/exception.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/print.h"
#include "mm/counters.h"

static u32 exits_port;

static u64 exits(void)
{
	if (exits_port)
		return in32((u16)exits_port);
	return notrap_exits();
}

/* What measuring nothing costs; subtracted from every measurement. */
static u64 ticks_of_nothing, exits_of_nothing;

static bool wanted(const char *name)
{
	const char *list = guest_option("phases");
	size_t n = strlen(name);

	if (!list)
		return true;
	for (;;) {
		if (!strncmp(list, name, n) && (!list[n] || list[n] == ',' || list[n] == ' '))
			return true;
		while (*list && *list != ',' && *list != ' ')
			list++;
		if (*list++ != ',')
			return false;
	}
}

/* Every name in phases= must be one, or a misspelt list would measure less than was asked for. */
static void check_names(void)
{
	const char *list = guest_option("phases");

	while (list && *list && *list != ' ') {
		bool known = false;
		size_t n = 0;

		while (list[n] && list[n] != ',' && list[n] != ' ')
			n++;
		for (u32 i = 0; i < phase_count; i++)
			known |= strlen(phases[i].name) == n && !strncmp(list, phases[i].name, n);
		if (!known)
			guest_fail("phases= names no phase at \"%s\"", list);
		list += n + (list[n] == ',');
	}
}

#define PIC_MASTER_DATA 0x21
#define PIC_SLAVE_DATA  0xa1

/* One pass: prepare, measure, verify. */
static struct bench_env run(const struct phase *phase, u64 *exits_taken)
{
	struct bench_env env = region_env(phase);
	const char *why;
	u64 before;

	phase->prepare();
	exception_set_gate(VEC_PF, phase->handler);
	exception_set_gate(VEC_GP, handler_user_done);
	before = exits();
	bench_measure(phase->loop, &env);
	*exits_taken = exits() - before - exits_of_nothing;
	exception_set_gate(VEC_PF, NULL);
	exception_set_gate(VEC_GP, NULL);
	page_faults += env.faults;

	why = phase->verify();
	if (why)
		guest_fail("%s: %s", phase->name, why);
	if (env.faults != env.ops * phase->faults)
		guest_fail("%s: %lu faults, not %lu", phase->name, env.faults,
			   env.ops * phase->faults);
	env.ticks -= ticks_of_nothing;
	return env;
}

static void calibrate(void)
{
	struct bench_env env = {0};
	u64 before = exits();

	exits_of_nothing = exits() - before;
	bench_measure(loop_empty, &env);
	bench_measure(loop_empty, &env);
	ticks_of_nothing = env.ticks;
}

static void print_per_op(const char *what, u64 total, u64 ops)
{
	print(" %s=%lu.%03lu", what, total / ops, total % ops * 1000 / ops);
}

const char *guest_main(void)
{
	u32 n = guest_option_number("n", 2048);

	if (!n || n % 512 || n > 131072)
		return "n= wants a multiple of 512, at most 131072";
	exits_port = guest_option_number("exits_port", 0);
	if (exits_port > 0xffff)
		return "exits_port= wants a port";
	check_names();
	/* A timer's interrupt that waits would be looked at again at each VM entry, by a KVM below. */
	out8(PIC_MASTER_DATA, 0xff);
	out8(PIC_SLAVE_DATA, 0xff);
	print("bench: on %s, bypass %s, n %u\n", notrap_present() ? "notrap" : "the bare machine",
	      notrap_info() & NOTRAP_INFO_BYPASS ? "on" : "off", n);
	region_init(n);
	calibrate();
	for (u32 i = 0; i < phase_count; i++) {
		const struct phase *phase = &phases[i];
		struct bench_env env;
		u64 taken;

		if (!wanted(phase->name))
			continue;
		run(phase, &taken);
		env = run(phase, &taken);
		print("bench: %s ops=%lu ticks=%lu exits=%lu faults=%lu\n", phase->name, env.ops,
		      env.ticks, taken, env.faults);
		print("per-op: %s", phase->name);
		print_per_op("ticks", env.ticks, env.ops);
		print_per_op("exits", taken, env.ops);
		print_per_op("faults", env.faults, env.ops);
		print("\n");
	}
	return NULL;
}
