/* SPDX-License-Identifier: MIT */
/* Integer arithmetic with the flags that the CPU would set. */
#include "guest/insn/exec.h"

/* carries: the carry or borrow out of each bit. OF: that into the sign is not that out of it. */
static u64 carry_flags(u64 carries, u8 size)
{
	u64 sign = 8 * size - 1;
	u64 flags = 0;

	if (carries >> sign & 1)
		flags |= RFLAGS_CF;
	if (carries >> 3 & 1)
		flags |= RFLAGS_AF;
	if ((carries >> sign ^ carries >> (sign - 1)) & 1)
		flags |= RFLAGS_OF;
	return flags;
}

static u64 add(u64 a, u64 b, u64 carry, u8 size, u64 *flags)
{
	u64 sum = (a + b + carry) & insn_size_mask(size);

	*flags = insn_result_flags(sum, size) | carry_flags((a & b) | ((a | b) & ~sum), size);
	return sum;
}

static u64 sub(u64 a, u64 b, u64 borrow, u8 size, u64 *flags)
{
	u64 diff = (a - b - borrow) & insn_size_mask(size);

	*flags = insn_result_flags(diff, size) | carry_flags((~a & b) | ((~a | b) & diff), size);
	return diff;
}

u64 insn_arithmetic(enum insn_op op, u64 old, u64 src, u8 size, u64 *flags)
{
	u64 carry = *flags & RFLAGS_CF;
	u64 bit = BIT(src & (8 * size - 1u));
	u64 value = old;

	switch (op) {
	case INSN_ADD:
	case INSN_XADD:
		return add(old, src, 0, size, flags);
	case INSN_ADC:
		return add(old, src, carry, size, flags);
	case INSN_SUB:
		return sub(old, src, 0, size, flags);
	case INSN_SBB:
		return sub(old, src, carry, size, flags);
	case INSN_NEG:
		return sub(0, old, 0, size, flags);
	case INSN_INC: /* CF is kept */
		value = add(old, 1, 0, size, flags);
		*flags = (*flags & ~RFLAGS_CF) | carry;
		return value;
	case INSN_DEC:
		value = sub(old, 1, 0, size, flags);
		*flags = (*flags & ~RFLAGS_CF) | carry;
		return value;
	case INSN_NOT:
		return ~old & insn_size_mask(size);
	case INSN_AND:
		value = old & src;
		break;
	case INSN_OR:
		value = old | src;
		break;
	case INSN_XOR:
		value = old ^ src;
		break;
	default: /* BTS, BTR, BTC */
		*flags = (*flags & ~RFLAGS_CF) | (old & bit ? RFLAGS_CF : 0);
		if (op == INSN_BTS)
			return old | bit;
		return op == INSN_BTR ? old & ~bit : old ^ bit;
	}
	*flags = insn_result_flags(value, size);
	return value;
}
