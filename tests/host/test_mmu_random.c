/* SPDX-License-Identifier: MIT */
/*
 * Random page-table work on the shadow MMU, judged by the reference.
 *
 * Environment: MMU_SEEDS=N runs N seeds (default: a fixed set), from MMU_FIRST=N on, each of
 * MMU_STEPS operations. The shadow tables are audited at the end and every MMU_AUDIT operations
 * (default: 4; 0: at the end alone). Each seed runs in a process of its own: one that fails is cut
 * down to the operations that it takes, and the trace of these is printed. MMU_IN_PROCESS=1 runs
 * all in this process, for a debugger, and stops at the first failure; so does MMU_VERBOSE=1,
 * which prints what the runs reached.
 */
#include "tests/host/random_guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DEFAULT_SEEDS 120
#define DEFAULT_STEPS 400
#define MAX_STEPS     20000

static u64 option(const char *name, u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static struct random_guest guest;

/* Each operation has its own seed, so that others can be left out without changing it. */
static void run(u64 seed, const u64 *op, u32 nr)
{
	struct sim_config c;
	struct rnd r;

	rnd_seed(&r, seed);
	random_config(&r, &c);
	if (!one_in(&r, 4))
		c.pool_size = sim_least_pool(&c) + rnd(&r, 8) * PAGE_SIZE;
	random_start(&guest, &c, &r);
	guest.audit_period = option("MMU_AUDIT", 4);
	for (u32 i = 0; i < nr; i++) {
		rnd_seed(&r, op[i]);
		random_step(&guest);
	}
	sim_finish(&guest.sim);
}

/* True when these operations fail, in a process of their own. */
static bool fails(u64 seed, const u64 *op, u32 nr, bool quiet)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid) {
		if (quiet) {
			sim_quiet = true;
			if (!freopen("/dev/null", "w", stderr))
				_exit(3);
		}
		alarm(20);
		run(seed, op, nr);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return !WIFEXITED(status) || WEXITSTATUS(status);
}

static u32 cut_down(u64 seed, u64 *op, u32 nr)
{
	static u64 try[MAX_STEPS];

	for (u32 chunk = nr / 2; chunk; chunk /= 2) {
		for (u32 at = 0; at + chunk <= nr;) {
			memcpy(try, op, at * sizeof(*op));
			memcpy(try + at, op + at + chunk, (nr - at - chunk) * sizeof(*op));
			if (fails(seed, try, nr - chunk, true)) {
				nr -= chunk;
				memcpy(op, try, nr * sizeof(*op));
			} else {
				at += chunk;
			}
		}
	}
	return nr;
}

static void add(struct sim_stats *sum, const struct sim_stats *s)
{
	for (u32 i = 0; i < sizeof(*s) / sizeof(u64); i++)
		((u64 *)sum)[i] += ((const u64 *)s)[i];
}

static void seeds(void **state)
{
	u64 first = option("MMU_FIRST", 1), nr = option("MMU_SEEDS", DEFAULT_SEEDS);
	u32 steps = option("MMU_STEPS", DEFAULT_STEPS);
	static u64 op[MAX_STEPS];
	struct sim_stats sum = {0};
	u64 made = 0, recycled = 0, dropped = 0;
	u32 failed = 0;
	bool verbose = option("MMU_VERBOSE", 0), in_process = option("MMU_IN_PROCESS", 0);

	(void)state;
	assert_in_range(steps, 1, MAX_STEPS);
	for (u64 seed = first; seed < first + nr && failed < 3; seed++) {
		struct rnd r;
		u32 left;

		rnd_seed(&r, ~seed);
		for (u32 i = 0; i < steps; i++)
			op[i] = rnd64(&r);
		if (in_process || verbose) {
			run(seed, op, steps);
			add(&sum, &guest.sim.stats);
			made += guest.sim.counters.value[CNT_mmu_shadow_new];
			recycled += guest.sim.counters.value[CNT_mmu_recycled];
			dropped += guest.sim.counters.value[CNT_mmu_shadow_zapped];
			continue;
		}
		if (!fails(seed, op, steps, true))
			continue;
		left = cut_down(seed, op, steps);
		fprintf(stderr, "seed %lu fails with %u of its %u operations:\n", seed, left,
			steps);
		if (!fails(seed, op, left, false))
			fprintf(stderr, "it does not fail again\n");
		failed++;
	}
	if (verbose)
		fprintf(stderr,
			"%lu steps, %lu accesses, %lu faults, %lu of them bypassed, "
			"%lu users' protection faults, %lu entries with the user filter, "
			"%lu exits, %lu table writes, %lu of them straight, %lu own faults and "
			"%lu mended straight, %lu loads of CR3 straight, %lu INVLPGs straight, "
			"%lu unsyncs, %lu native INVLPGs, "
			"%lu writes with WP=0, %lu of them lent, %lu CR3 storms, "
			"%lu tables made, %lu recycled, %lu dropped\n",
			sum.steps, sum.accesses, sum.faults, sum.bypassed, sum.user_bypassed,
			sum.user_entries, sum.exits, sum.table_writes,
			sum.straight[MMU_STRAIGHT_WRITE], sum.straight[MMU_STRAIGHT_OWN],
			sum.straight[MMU_STRAIGHT_MENDED], sum.straight_cr3, sum.straight_invlpg,
			sum.unsyncs, sum.invlpg_native, sum.wp0_writes, sum.lent, sum.storms, made,
			recycled, dropped);
	assert_int_equal(failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(seeds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
