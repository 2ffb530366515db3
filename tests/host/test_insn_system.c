/* SPDX-License-Identifier: MIT */
/* The decoder of instructions that exit: what is cut off, and what has a LOCK. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guest/insn/insn.h"

static void test_truncated(void **state)
{
	static const struct {
		u8 len, bytes[9];
	} insn[] = {
		{3, {0x0f, 0x20, 0xc0}},
		{3, {0x0f, 0x22, 0xd8}},
		{4, {0xf0, 0x0f, 0x22, 0xc0}},
		{2, {0x0f, 0x06}},
		{3, {0x0f, 0x01, 0xf0}},
		{7, {0x0f, 0x01, 0xb8, 1, 2, 3, 4}},
		{9, {0x66, 0x0f, 0x38, 0x82, 0x80, 1, 2, 3, 4}},
		{2, {0x0f, 0xa2}},
		{3, {0x0f, 0x01, 0xd1}},
		{3, {0x0f, 0x01, 0xd9}},
		{2, {0xe4, 0x60}},
		{3, {0x66, 0xe7, 0x60}},
		{2, {0xcd, 0x80}},
		{1, {0xf4}},
	};
	struct insn_system out;
	(void)state;

	for (u32 i = 0; i < ARRAY_SIZE(insn); i++) {
		for (u32 avail = 0; avail <= insn[i].len; avail++) {
			u8 *exact = malloc(avail + !avail);
			bool whole = avail == insn[i].len;

			assert_non_null(exact);
			memcpy(exact, insn[i].bytes, avail);
			assert_int_equal(insn_system(exact, avail, INSN_32, &out), whole ? 0 : -1);
			free(exact);
		}
		assert_int_equal(out.len, insn[i].len);
	}
}

/* Which may not have a LOCK, as far as can be read; before MOV CR0 it is a name of CR8 on AMD's CPUs. */
static void test_locked(void **state)
{
	static const u8 locked[][4] = {
		{0xf0, 0x0f, 0x22, 0xd8}, /* MOV to CR3 */
		{0xf0, 0x0f, 0x20, 0xe0}, /* MOV from CR4 */
		{0xf0, 0x0f, 0xa2},       /* CPUID */
		{0xf0, 0x66, 0xf4},       /* HLT */
	};
	static const u8 cr8[] = {0xf0, 0x0f, 0x22, 0xc0}, plain[] = {0x0f, 0x22, 0xd8};
	struct insn_system in;
	(void)state;

	for (u32 i = 0; i < ARRAY_SIZE(locked); i++) {
		assert_int_equal(insn_system(locked[i], sizeof(locked[i]), INSN_64, &in), -1);
		assert_true(in.locked);
	}
	for (u32 avail = 0; avail <= sizeof(cr8); avail++) {
		assert_int_equal(insn_system(cr8, avail, INSN_32, &in),
				 avail == sizeof(cr8) ? 0 : -1);
		assert_false(in.locked);
	}
	assert_int_equal(insn_system(plain, sizeof(plain), INSN_64, &in), 0);
	assert_false(in.locked);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
