/* SPDX-License-Identifier: MIT */
/* arch/string.c, under other names, beside the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define memcpy  own_memcpy
#define memmove own_memmove
#define memset  own_memset
#define memcmp  own_memcmp
#define strlen  own_strlen
#define strcmp  own_strcmp
#define strncmp own_strncmp
#include "arch/string.c" /* NOLINT(bugprone-suspicious-include) */
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strcmp
#undef strncmp

#define SIZE 48

static unsigned char own[SIZE], libc[SIZE];

static void fill(void)
{
	for (int i = 0; i < SIZE; i++)
		own[i] = libc[i] = (unsigned char)rand();
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

/* Every distance and length, overlapping or not. */
static void test_memory(void **state)
{
	(void)state;
	for (size_t to = 0; to < SIZE; to++) {
		for (size_t from = 0; from < SIZE; from++) {
			size_t room = SIZE - (to > from ? to : from);

			for (size_t n = 0; n <= room; n++) {
				fill();
				assert_ptr_equal(own_memmove(own + to, own + from, n), own + to);
				memmove(libc + to, libc + from, n);
				assert_memory_equal(own, libc, SIZE);
				if (from + n > to && to + n > from)
					continue;
				fill();
				assert_ptr_equal(own_memcpy(own + to, own + from, n), own + to);
				memcpy(libc + to, libc + from, n);
				assert_memory_equal(own, libc, SIZE);
			}
		}
		for (size_t n = 0; n <= SIZE - to; n++) {
			fill();
			assert_ptr_equal(own_memset(own + to, -3, n), own + to);
			memset(libc + to, -3, n);
			assert_memory_equal(own, libc, SIZE);
		}
	}
}

static void test_compare(void **state)
{
	static const char *const text[] = {"", "a", "b", "ab", "abc", "abd", "\x80", "a\xff"};
	enum { N = sizeof(text) / sizeof(text[0]) };

	(void)state;
	for (int i = 0; i < N; i++) {
		assert_int_equal(own_strlen(text[i]), strlen(text[i]));
		for (int j = 0; j < N; j++) {
			size_t common = strlen(text[i]) < strlen(text[j]) ? strlen(text[i]) + 1
									  : strlen(text[j]) + 1;

			assert_int_equal(sign(own_strcmp(text[i], text[j])),
					 sign(strcmp(text[i], text[j])));
			for (size_t n = 0; n < 5; n++)
				assert_int_equal(sign(own_strncmp(text[i], text[j], n)),
						 sign(strncmp(text[i], text[j], n)));
			for (size_t n = 0; n <= common; n++)
				assert_int_equal(sign(own_memcmp(text[i], text[j], n)),
						 sign(memcmp(text[i], text[j], n)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
