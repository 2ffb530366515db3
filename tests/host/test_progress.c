/* SPDX-License-Identifier: MIT */
/* The rule of guest/exit/progress.c: what is a streak of exits without progress, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* arch/console.h has one too */

#include "arch/console.h"
#include "guest/exit/handlers.h"
#include "guest/exit/lane.h"
#include "guest/vcpu/crash.h"
#include "tests/host/fake/console.h"

#define MANY 100000

static jmp_buf crash;

void guest_crashed(struct vcpu *v)
{
	(void)v;
	longjmp(crash, 1);
}

static const char *exit_name(u64 reason)
{
	(void)reason;
	return "";
}

enum change { NOTHING, RIP, REGISTER, EXIT_BETWEEN };

/* Exits of this kind until it is given up, up to MANY; between two of them something changes. */
static u32 exits_until_end(u32 error, enum change what, u32 every)
{
	static const struct backend ops = {.exit_name = exit_name};
	static struct vcpu v;
	static u32 nr;
	struct vmexit exit = {.kind = VMEXIT_PF, .vectoring = {.type = EVENT_NONE}};

	memset(&v, 0, sizeof(v));
	v.ops = &ops;
	v.rip = 0x1000;
	exit.pf.error = error;
	fake_console_clear();
	nr = 0;
	if (setjmp(crash))
		return nr;
	for (; nr < MANY; nr++) {
		v.counters.value[CNT_exits]++;
		same_again(&v, &exit);
		if (what == NOTHING || nr % every)
			continue;
		if (what == RIP)
			v.rip += 2;
		else if (what == REGISTER)
			v.gpr[RCX]--;
		else
			v.counters.value[CNT_exits]++;
	}
	return nr;
}

static void ends_whatever_the_error_code(void **state)
{
	(void)state;
	for (u32 error = 0; error < 64; error++) {
		assert_in_range(exits_until_end(error, NOTHING, 1), 64, 4096);
		assert_true(fake_fails);
	}
}

static void progress_does_not_end(void **state)
{
	(void)state;
	for (enum change what = RIP; what <= EXIT_BETWEEN; what++) {
		for (u32 every = 1; every < 600; every = every * 2 + 1) {
			assert_int_equal(exits_until_end(0, what, every), MANY);
			assert_false(fake_fails);
		}
	}
}

/* Of a row of lanes' exits two are looked at, and only registers that differ between them end it. */
static void lanes_tell_a_streak(void **state)
{
	static struct vcpu v;
	struct retries *r = &v.retries;

	(void)state;
	for (u32 change = 0; change < 2; change++) {
		v = (struct vcpu){.gpr[RCX] = 5};
		*r = (struct retries){.last = 7, .nr = RETRIES_IN_A_ROW - 1};
		assert_false(lane_got_on(&v));
		assert_int_equal(r->last, 7);
		r->nr++;
		v.gpr[RCX] -= change;
		assert_int_equal(lane_got_on(&v), change);
		assert_int_equal(r->last, change ? 0 : 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_whatever_the_error_code),
		cmocka_unit_test(progress_does_not_end),
		cmocka_unit_test(lanes_tell_a_streak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
