/* SPDX-License-Identifier: MIT */
/* The counters' report: each counter once, in order, and what pf_bypassed says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* arch/console.h has one too */

#include "arch/console.h"
#include "guest/machine/report.h"
#include "tests/host/fake/console.h"

static char lines[NR_COUNTERS + 4][80];
static u32 count_of_lines;

static void keep(const char *line)
{
	assert_in_range(count_of_lines, 0, NR_COUNTERS + 3);
	snprintf(lines[count_of_lines++], sizeof(lines[0]), "%s", line);
}

static void report(u64 counted, u64 seen, const char *bypassed)
{
	static const char *const name[] = {
#define COUNTER(name, help) #name,
#include "mm/counters.def"
#undef COUNTER
	};
	struct counters sum;
	char want[80];

	for (u32 i = 0; i < NR_COUNTERS; i++)
		sum.value[i] = i + 1000000000000;
	sum.value[CNT_pf_guest_counted] = counted;
	sum.value[CNT_pf_guest] = seen;
	count_of_lines = 0;
	fake_on_say = keep;
	report_counters(&sum);
	assert_int_equal(count_of_lines, NR_COUNTERS + 2);
	assert_string_equal(lines[0], "counters begin");
	assert_string_equal(lines[NR_COUNTERS + 1], "counters end");
	for (u32 i = 0; i < NR_COUNTERS; i++) {
		if (i == CNT_pf_bypassed)
			snprintf(want, sizeof(want), "%s = %s", name[i], bypassed);
		else
			snprintf(want, sizeof(want), "%s = %lu", name[i], sum.value[i]);
		assert_string_equal(lines[1 + i], want);
	}
}

static void bypassed(void **state)
{
	(void)state;
	report(2048, 0, "2048");
	report(2048, 48, "2000");
	report(48, 48, "0");
	report(0, 0, "unknown");
	report(0, 48, "unknown");
	report(47, 48, "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(bypassed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
