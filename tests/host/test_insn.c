/* SPDX-License-Identifier: MIT */
/* The instruction decoder: what it knows, what it does not, and addresses, with Zydis as oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/host/insn_forms.h"
#include "tests/host/insn_oracle.h"

static const u8 segment_prefix[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};

static void fill(u8 *bytes, u32 size, u64 *seed)
{
	for (u32 i = 0; i < size; i++)
		bytes[i] = (u8)insn_random(seed);
}

/* Put the opcode at `bytes`; returns how many it has. */
static u32 put_opcode(u8 *bytes, const struct insn_form *form)
{
	u32 len = 0;

	if (form->two_byte)
		bytes[len++] = 0x0f;
	bytes[len++] = form->opcode;
	return len;
}

/* The same with any operand of any addressing form: then random bytes to the end of 16. */
static void put_form(u8 bytes[16], u32 len, const struct insn_form *form, u64 *seed)
{
	len += put_opcode(bytes + len, form);
	fill(bytes + len, 16 - len, seed);
	if (form->reg < FORM_STRING) {
		u8 modrm = (u8)(insn_random(seed) % 0xc0);

		bytes[len] = form->reg == FORM_REG ? modrm : (modrm & 0xc7) | form->reg << 3;
	}
}

/* One of 2 * 2 * 7 * 2 * 3 sets of prefixes. Returns how many it has; -1 where the form has none. */
static int put_prefixes(u8 *bytes, u32 set, const struct insn_form *form)
{
	u32 seg = set / 4 % 7, rep = set / 56;
	int len = 0;

	if (form->no_prefix && (set % 2 || rep))
		return -1;
	if (!form->lock && set / 28 % 2)
		return -1;
	if (set % 2)
		bytes[len++] = 0x66;
	if (set / 2 % 2)
		bytes[len++] = 0x67;
	if (seg)
		bytes[len++] = segment_prefix[seg - 1];
	if (set / 28 % 2)
		bytes[len++] = 0xf0;
	if (rep)
		bytes[len++] = rep == 1 ? 0xf2 : 0xf3;
	return len;
}

#define PREFIX_SETS 168

/* Every listed form, with every set of prefixes, in every mode, is known and means what it should. */
static void test_forms_are_known(void **state)
{
	u64 seed = 0x1234567;
	(void)state;

	for (u32 f = 0; f < ARRAY_SIZE(insn_forms); f++) {
		const struct insn_form *form = &insn_forms[f];

		for (u32 n = 0; n < 12 * 3 * PREFIX_SETS; n++) {
			enum insn_mode mode = n / PREFIX_SETS % 3;
			u8 bytes[16];
			int len = put_prefixes(bytes, n % PREFIX_SETS, form);

			if (len < 0 || (form->legacy && mode == INSN_64))
				continue;
			if (mode == INSN_64 && insn_random(&seed) & 1)
				bytes[len++] = 0x40 | (insn_random(&seed) & 15);
			put_form(bytes, (u32)len, form, &seed);

			int known = oracle_decode(bytes, sizeof(bytes), mode);

			/* Five prefixes and long operands may be more than fit in 15 bytes. */
			if (len <= 4)
				assert_int_equal(known, ORACLE_KNOWN);
			else
				assert_true(known >= 0);
		}
	}
}

/* Every ModRM and SIB byte with every REX, in every mode, with both address sizes. */
static void test_addressing_forms(void **state)
{
	u64 seed = 0x89;
	(void)state;

	for (u32 n = 0; n < 3 * 2 * 17 * 0xc0 * 256; n++) {
		enum insn_mode mode = n % 3;
		u8 rex = n / 6 % 17, modrm = n / 102 % 0xc0;
		u8 bytes[16];
		u32 len = 0;

		if (rex && mode != INSN_64)
			continue;
		/* Without a SIB byte, the last dimension is the displacement: a few are enough. */
		if ((modrm & 7) != 4 && n / (102 * 0xc0) > 2)
			continue;
		if (n / 3 % 2)
			bytes[len++] = 0x67;
		if (rex)
			bytes[len++] = 0x3f + rex;
		bytes[len++] = 0x89;
		bytes[len++] = modrm;
		bytes[len++] = (u8)(n / (102 * 0xc0));
		fill(bytes + len, sizeof(bytes) - len, &seed);
		assert_int_equal(oracle_decode(bytes, sizeof(bytes), mode), ORACLE_KNOWN);
	}
}

/* All opcodes of all maps with all ModRM bytes: nothing that Zydis knows as ours is missed. */
static void test_all_opcodes(void **state)
{
	static const struct {
		u8 len, bytes[3];
	} prefix[] = {{0, {0}},    {1, {0x66}}, {1, {0xf2}},       {1, {0xf3}},
		      {1, {0xf0}}, {1, {0x48}}, {2, {0x66, 0x4f}}, {2, {0xf0, 0x48}}};
	static const struct {
		u8 len, bytes[2];
	} map[] = {{0, {0}}, {1, {0x0f}}, {2, {0x0f, 0x38}}, {2, {0x0f, 0x3a}}};
	u32 stores = 0, system = 0;
	u64 seed = 0xf00;
	(void)state;

	for (u32 m = 0; m < ARRAY_SIZE(map); m++) {
		for (u32 p = 0; p < ARRAY_SIZE(prefix); p++) {
			for (u32 n = 0; n < 3 * 0x10000; n++) {
				u32 len = prefix[p].len;
				u8 bytes[16];

				memcpy(bytes, prefix[p].bytes, len);
				memcpy(bytes + len, map[m].bytes, map[m].len);
				len += map[m].len;
				bytes[len++] = (u8)(n >> 8);
				bytes[len++] = (u8)n;
				fill(bytes + len, sizeof(bytes) - len, &seed);

				int a = oracle_decode(bytes, sizeof(bytes), n >> 16);
				int b = oracle_system(bytes, sizeof(bytes), n >> 16);

				assert_true(a >= 0 && b >= 0);
				stores += a == ORACLE_KNOWN;
				system += b == ORACLE_KNOWN;
			}
		}
	}
	assert_true(stores > 10000 && system > 10000);
}

/* Random bytes, most of them with some of the bytes that prefixes are. */
static void test_random_bytes(void **state)
{
	static const u8 frequent[] = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x64,
				      0x2e, 0x48, 0x4d, 0x0f, 0x89};
	u64 seed = 0xbad5eed;
	(void)state;

	for (u32 n = 0; n < 1000000; n++) {
		u8 bytes[16];
		u32 frequents = insn_random(&seed) % 8;

		fill(bytes, sizeof(bytes), &seed);
		for (u32 i = 0; i < frequents; i++)
			bytes[i] = frequent[bytes[i] % sizeof(frequent)];
		assert_true(oracle_decode(bytes, sizeof(bytes), n % 3) >= 0);
		assert_true(oracle_system(bytes, sizeof(bytes), n % 3) >= 0);
	}
}

/* Each length short of the instruction's is refused, and no byte past it is read. */
static void test_truncated(void **state)
{
	u64 seed = 77;
	(void)state;

	for (u32 n = 0; n < 100 * ARRAY_SIZE(insn_forms); n++) {
		const struct insn_form *form = &insn_forms[n % ARRAY_SIZE(insn_forms)];
		enum insn_mode mode = n % 2 && !form->legacy ? INSN_64 : n % 4 ? INSN_32 : INSN_16;
		u8 bytes[16];
		struct insn in, again;
		u32 len = n & 64 && !form->no_prefix ? bytes[0] = 0x66, 1 : 0;

		put_form(bytes, len, form, &seed);
		assert_int_equal(insn_decode(bytes, sizeof(bytes), mode, &in), 0);
		for (u32 avail = 0; avail <= in.len; avail++) {
			u8 *exact = malloc(avail + !avail);

			assert_non_null(exact);
			memcpy(exact, bytes, avail);
			assert_int_equal(insn_decode(exact, avail, mode, &again),
					 avail < in.len ? -1 : 0);
			free(exact);
		}
		assert_int_equal(again.len, in.len);
	}
}

/* 15 bytes are an instruction, 16 are none, however many there are to read. */
static void test_longest(void **state)
{
	u8 bytes[32];
	struct insn in;
	struct insn_system sys;
	(void)state;

	memset(bytes, 0x2e, sizeof(bytes));
	assert_int_equal(insn_decode(bytes, sizeof(bytes), INSN_64, &in), -1);
	assert_int_equal(insn_system(bytes, sizeof(bytes), INSN_64, &sys), -1);

	bytes[13] = 0x89;
	bytes[14] = 0x08;
	assert_int_equal(insn_decode(bytes, sizeof(bytes), INSN_64, &in), 0);
	assert_int_equal(in.len, 15);
	bytes[13] = 0x2e;
	bytes[14] = 0x89;
	bytes[15] = 0x08;
	assert_int_equal(insn_decode(bytes, sizeof(bytes), INSN_64, &in), -1);

	bytes[14] = 0xf4;
	assert_int_equal(insn_system(bytes, sizeof(bytes), INSN_64, &sys), 0);
	assert_int_equal(sys.len, 15);
	bytes[14] = 0x2e;
	bytes[15] = 0xf4;
	assert_int_equal(insn_system(bytes, sizeof(bytes), INSN_64, &sys), -1);
}

/* Stores of other kinds are not ours. */
static void test_unknown(void **state)
{
	static const u8 insn[][8] = {
		{0x50},                   /* PUSH */
		{0xe8, 0, 0, 0, 0},       /* CALL */
		{0x8c, 0x00},             /* MOV from a segment register */
		{0x8f, 0x00},             /* POP to memory */
		{0x0f, 0x11, 0x00},       /* MOVUPS */
		{0x66, 0x0f, 0xe7, 0x00}, /* MOVNTDQ */
		{0xf2, 0x0f, 0x11, 0x00}, /* MOVSD */
		{0x89, 0xc0},             /* MOV between registers */
		{0x8b, 0x00},             /* MOV from memory */
		{0x39, 0x00},             /* CMP */
		{0x83, 0x38, 0},          /* CMP */
		{0x0f, 0xa3, 0x00},       /* BT */
		{0x0f, 0xba, 0x20, 0},    /* BT */
		{0x0f, 0xc7, 0x30},       /* VMPTRLD */
		{0xd1, 0x20},             /* SHL */
		{0x0f, 0x90, 0x00},       /* SETO */
		{0x0f, 0x38, 0xf1, 0x00}, /* MOVBE */
		{0xf0, 0x89, 0x00},       /* LOCK MOV */
		{0xf0, 0xab},             /* LOCK STOS */
		{0xf0, 0x0f, 0xc3, 0x00}, /* LOCK MOVNTI */
		{0xc7, 0xf8, 0, 0, 0, 0}, /* XBEGIN */
		{0xc7, 0x08, 0, 0, 0, 0}, /* C7 /1 */
	};
	struct insn in;
	(void)state;

	for (u32 i = 0; i < ARRAY_SIZE(insn); i++) {
		for (enum insn_mode mode = INSN_16; mode <= INSN_64; mode++)
			assert_int_equal(insn_decode(insn[i], sizeof(insn[i]), mode, &in), -1);
	}
}

/* Addresses that wrap, and what 16- and 32-bit code has that 64-bit code has not. */
static void test_addresses(void **state)
{
	static const struct {
		const char *name;
		enum insn_mode mode;
		u8 bytes[10];
		u64 gva;
	} cases[] = {
		/* Segment bases: ES 10000000, CS 20000000, ... GS 60000000. Below, gpr n is: */
		/* rax fffffffffffffff0, rcx 0000000100000003, rbx ffff, rbp 8000, rsi 2, rdi 4 */
		{"16: [bx+si] wraps at 64K", INSN_16, {0x89, 0x00}, 0x40000001},
		{"16: [bp+di] is in SS", INSN_16, {0x89, 0x03}, 0x30008004},
		{"16: [bp+0x7fff+1]", INSN_16, {0x89, 0x86, 0xff, 0x7f}, 0x3000ffff},
		{"16: [disp16] is in DS", INSN_16, {0x89, 0x06, 0xfe, 0xff}, 0x4000fffe},
		{"16: es: [bp]", INSN_16, {0x26, 0x89, 0x46, 0xff}, 0x10007fff},
		{"16: cs: moffs", INSN_16, {0x2e, 0xa3, 0x34, 0x12}, 0x20001234},
		{"16: stos has ES", INSN_16, {0x2e, 0xab}, 0x10000004},
		{"16: [eax], whole", INSN_16, {0x67, 0x89, 0x00}, 0x3ffffff0},
		{"32: [eax], base added modulo 4G", INSN_32, {0x89, 0x00}, 0x3ffffff0},
		{"32: [eax+ecx*8]", INSN_32, {0x89, 0x04, 0xc8}, 0x40000008},
		{"32: [disp32]", INSN_32, {0x89, 0x05, 0xff, 0xff, 0xff, 0xff}, 0x3fffffff},
		{"32: gs: [ebp]", INSN_32, {0x65, 0x89, 0x45, 0x00}, 0x60008000},
		{"32: [bx+si]", INSN_32, {0x67, 0x89, 0x00}, 0x40000001},
		{"32: bts by ecx = 3", INSN_32, {0x0f, 0xab, 0x0f}, 0x40000004},
		{"32: bts by eax = -16", INSN_32, {0x0f, 0xab, 0x07}, 0x40000000},
		{"16: bts by ax = -16", INSN_16, {0x0f, 0xab, 0x05}, 0x40000002},
		{"16: bts by bp = -32768", INSN_16, {0x0f, 0xab, 0x2d}, 0x4000f004},
		{"64: [rax]", INSN_64, {0x89, 0x00}, 0xfffffffffffffff0},
		{"64: [rax+rcx*8]", INSN_64, {0x89, 0x04, 0xc8}, 0x800000008},
		{"64: [eax+ecx*8]", INSN_64, {0x67, 0x89, 0x04, 0xc8}, 0x8},
		{"64: gs: [rax]", INSN_64, {0x65, 0x89, 0x00}, 0x5ffffff0},
		{"64: gs: [eax]", INSN_64, {0x65, 0x67, 0x89, 0x00}, 0x15ffffff0},
		{"64: cs is nothing", INSN_64, {0x2e, 0x89, 0x03}, 0xffff},
		{"64: fs stays when ds follows", INSN_64, {0x64, 0x3e, 0x89, 0x03}, 0x5000ffff},
		{"64: [rip-1]", INSN_64, {0x89, 0x0d, 0xff, 0xff, 0xff, 0xff}, 0xffffffff80000005},
		{"64: [eip-1]", INSN_64, {0x67, 0x89, 0x0d, 0xff, 0xff, 0xff, 0xff}, 0x80000006},
		{"64: rip and an immediate",
		 INSN_64,
		 {0x66, 0xc7, 0x05, 0, 0, 0, 0, 0, 0},
		 0xffffffff80000009},
		{"64: moffs", INSN_64, {0xa3, 1, 2, 3, 4, 5, 6, 7, 8}, 0x0807060504030201},
		{"64: moffs32", INSN_64, {0x67, 0xa3, 1, 2, 3, 0x84}, 0x84030201},
		{"64: bts by rax = -16", INSN_64, {0x48, 0x0f, 0xab, 0x03}, 0xfff7},
		{"64: bts by rcx = 2^32+3", INSN_64, {0x48, 0x0f, 0xab, 0x0b}, 0x2000ffff},
		{"64: bts by ecx = 3", INSN_64, {0x0f, 0xab, 0x0b}, 0xffff},
		{"64: bts by imm8 = 255", INSN_64, {0x0f, 0xba, 0x2b, 0xff}, 0xffff},
	};
	static const u64 seg_base[INSN_NR_SEGS] = {0x10000000, 0x20000000, 0x30000000,
						   0x40000000, 0x50000000, 0x60000000};
	static const u64 gpr[16] = {
		0xfffffffffffffff0, 0x100000003, 0, 0xffff, 0, 0x8000, 2, 4,
	};
	struct insn in;
	(void)state;

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(
			insn_decode(cases[i].bytes, sizeof(cases[i].bytes), cases[i].mode, &in), 0);

		u64 gva = insn_gva(&in, gpr, seg_base, 0xffffffff80000000);

		if (gva != cases[i].gva)
			fail_msg("%s: %#lx, not %#lx", cases[i].name, gva, cases[i].gva);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms_are_known), cmocka_unit_test(test_addressing_forms),
		cmocka_unit_test(test_all_opcodes),     cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_truncated),       cmocka_unit_test(test_longest),
		cmocka_unit_test(test_unknown),         cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
