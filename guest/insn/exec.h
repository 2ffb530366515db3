/* SPDX-License-Identifier: MIT */
/* Operands and arithmetic, for the files that carry out a decoded instruction. */
#ifndef GUEST_INSN_EXEC_H
#define GUEST_INSN_EXEC_H

#include "arch/cpu.h"
#include "guest/insn/parse.h"

#define FLAGS_ARITH (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

/* size: bytes, 1 to 8. */
static inline u64 insn_size_mask(u8 size)
{
	return ~0ULL >> (64 - 8 * size);
}

/* The low `size` bytes of a register. */
static inline u64 insn_reg(const u64 gpr[16], u8 nr, u8 size)
{
	return gpr[nr] & insn_size_mask(size);
}

/* The operand that is not memory: a register, one of AH to BH, or the immediate. */
static inline u64 insn_source(const struct insn *in, const u64 gpr[16])
{
	if (in->reg == INSN_NO_REG)
		return in->imm & insn_size_mask(in->opsize);
	return insn_reg(gpr, in->reg, 8) >> (in->high_byte ? 8 : 0) & insn_size_mask(in->opsize);
}

/* PF, ZF and SF of a result of so many bytes; SDM vol. 1 3.4.3.1. */
static inline u64 insn_result_flags(u64 result, u8 size)
{
	u64 flags = __builtin_parity((u8)result) ? 0 : RFLAGS_PF;

	if (result == 0)
		flags |= RFLAGS_ZF;
	if (result >> (8 * size - 1))
		flags |= RFLAGS_SF;
	return flags;
}

/*
 * The result of an operation on memory's old value, of `size` bytes; for BTS, BTR and BTC src is the
 * bit's number. *flags: the arithmetic flags before, and then those after. The sections "Flags
 * Affected" of SDM vol. 2; what they leave undefined is as insn_run() says.
 */
u64 insn_arithmetic(enum insn_op op, u64 old, u64 src, u8 size, u64 *flags);

#endif
