/* SPDX-License-Identifier: MIT */
/* arch/format.c, with the C library's snprintf as its oracle. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/format.h"

/* The same text and the same length, into each size of buffer, with nothing past its end. */
PRINTF_LIKE(1, 2) static void same(const char *fmt, ...)
{
	char want[256], got[256];
	va_list args, again;
	int want_len;

	va_start(args, fmt);
	va_copy(again, args);
	want_len = vsnprintf(want, sizeof(want), fmt, again);
	va_end(again);
	assert_int_equal(format_args(got, sizeof(got), fmt, args), want_len);
	assert_string_equal(got, want);
	for (size_t size = 0; size < 20; size++) {
		memset(got, '#', sizeof(got));
		assert_int_equal(format_args(got, size, fmt, args), want_len);
		if (size)
			assert_int_equal(strlen(got),
					 (size_t)want_len < size ? (size_t)want_len : size - 1);
		assert_memory_equal(got, want, size ? strlen(got) : 0);
		assert_int_equal(got[size], '#');
	}
	va_end(args);
}

static void test_integers(void **state)
{
	static const long values[] = {0, 1, -1, 9, 10, 255, INT_MAX, INT_MIN, LONG_MAX, LONG_MIN};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		long v = values[i];

		same("%ld %lu %lx", v, (unsigned long)v, (unsigned long)v);
		same("%lld %llu %llx", (long long)v, (unsigned long long)v, (unsigned long long)v);
		same("%d %u %x", (int)v, (unsigned int)v, (unsigned int)v);
		same("[%12ld] [%-12ld] [%012ld] [%1ld]", v, v, v, v);
		same("[%016lx] [%8x] [%-8x] [%08x]", (unsigned long)v, (unsigned int)v,
		     (unsigned int)v, (unsigned int)v);
	}
}

static void test_text(void **state)
{
	char empty[1] = "#";

	(void)state;
	same("%s", "");
	same("plain");
	assert_int_equal(format(empty, sizeof(empty), "%d", 5), 1);
	assert_string_equal(empty, "");
	same("100%%, %c%c", 'a', 'b');
	same("[%s] [%8s] [%-8s] [%2s]", "text", "text", "text", "text");
	same("[%3c] [%-3c]", 'x', 'y');
}

/* Texts that a printf-checking compiler would refuse. */
static void expect(const char *want, const char *fmt, ...)
{
	char got[64];
	va_list args;

	va_start(args, fmt);
	assert_int_equal(format_args(got, sizeof(got), fmt, args), strlen(want));
	va_end(args);
	assert_string_equal(got, want);
}

static void test_unknown(void **state)
{
	(void)state;
	expect("%", "%");
	expect("a %-08l", "a %-08l");
	expect("%f 7", "%f %d", 7);
	expect("%.2s %hx", "%.2s %hx");
	expect("(null)", "%s", (char *)NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
