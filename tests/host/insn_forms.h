/* SPDX-License-Identifier: MIT */
/* Every form of a store that guest/insn/insn.h lists, for the tests to build instructions from. */
#ifndef TESTS_HOST_INSN_FORMS_H
#define TESTS_HOST_INSN_FORMS_H

#include <stdlib.h>

#include "guest/insn/insn.h"

/* ModRM.reg: the operation, any register, or there is no ModRM. */
enum { FORM_REG = 8, FORM_STRING, FORM_MOFFS };

struct insn_form {
	bool two_byte; /* after 0f */
	u8 opcode;
	u8 reg;
	bool lock;      /* may have LOCK */
	bool legacy;    /* not in 64-bit code */
	bool no_prefix; /* not with 66, F2, F3 */
};

static const struct insn_form insn_forms[] = {
#define ALU(digit)                                                              \
	{.opcode = 8 * (digit), .reg = FORM_REG, .lock = true},                 \
		{.opcode = 8 * (digit) + 1, .reg = FORM_REG, .lock = true},     \
		{.opcode = 0x80, .reg = (digit), .lock = true},                 \
		{.opcode = 0x81, .reg = (digit), .lock = true},                 \
		{.opcode = 0x82, .reg = (digit), .lock = true, .legacy = true}, \
	{                                                                       \
		.opcode = 0x83, .reg = (digit), .lock = true                    \
	}
	ALU(0), /* ADD */
	ALU(1), /* OR */
	ALU(2), /* ADC */
	ALU(3), /* SBB */
	ALU(4), /* AND */
	ALU(5), /* SUB */
	ALU(6), /* XOR */
#undef ALU
	{.opcode = 0x86, .reg = FORM_REG, .lock = true}, /* XCHG */
	{.opcode = 0x87, .reg = FORM_REG, .lock = true},
	{.opcode = 0x88, .reg = FORM_REG}, /* MOV */
	{.opcode = 0x89, .reg = FORM_REG},
	{.opcode = 0xa2, .reg = FORM_MOFFS},
	{.opcode = 0xa3, .reg = FORM_MOFFS},
	{.opcode = 0xc6, .reg = 0},
	{.opcode = 0xc7, .reg = 0},
	{.opcode = 0xa4, .reg = FORM_STRING}, /* MOVS */
	{.opcode = 0xa5, .reg = FORM_STRING},
	{.opcode = 0xaa, .reg = FORM_STRING}, /* STOS */
	{.opcode = 0xab, .reg = FORM_STRING},
	{.opcode = 0xf6, .reg = 2, .lock = true}, /* NOT */
	{.opcode = 0xf7, .reg = 2, .lock = true},
	{.opcode = 0xf6, .reg = 3, .lock = true}, /* NEG */
	{.opcode = 0xf7, .reg = 3, .lock = true},
	{.opcode = 0xfe, .reg = 0, .lock = true}, /* INC */
	{.opcode = 0xff, .reg = 0, .lock = true},
	{.opcode = 0xfe, .reg = 1, .lock = true}, /* DEC */
	{.opcode = 0xff, .reg = 1, .lock = true},
	{.two_byte = true, .opcode = 0xab, .reg = FORM_REG, .lock = true}, /* BTS */
	{.two_byte = true, .opcode = 0xb3, .reg = FORM_REG, .lock = true}, /* BTR */
	{.two_byte = true, .opcode = 0xbb, .reg = FORM_REG, .lock = true}, /* BTC */
	{.two_byte = true, .opcode = 0xba, .reg = 5, .lock = true},
	{.two_byte = true, .opcode = 0xba, .reg = 6, .lock = true},
	{.two_byte = true, .opcode = 0xba, .reg = 7, .lock = true},
	{.two_byte = true, .opcode = 0xb0, .reg = FORM_REG, .lock = true}, /* CMPXCHG */
	{.two_byte = true, .opcode = 0xb1, .reg = FORM_REG, .lock = true},
	{.two_byte = true, .opcode = 0xc0, .reg = FORM_REG, .lock = true}, /* XADD */
	{.two_byte = true, .opcode = 0xc1, .reg = FORM_REG, .lock = true},
	{.two_byte = true, .opcode = 0xc3, .reg = FORM_REG, .no_prefix = true}, /* MOVNTI */
	{.two_byte = true, .opcode = 0xc7, .reg = 1, .lock = true},             /* CMPXCHG8B, 16B */
};

/* A reproducible random number: xorshift64*. *seed is never 0. */
static inline u64 insn_random(u64 *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * 0x2545f4914f6cdd1d;
}

#endif
