/* SPDX-License-Identifier: MIT */
/* What a store does: its address, the value stored, registers and flags afterwards. */
#include "guest/insn_parse.h"

enum {
	FLAG_CF = 1 << 0,
	FLAG_PF = 1 << 2,
	FLAG_AF = 1 << 4,
	FLAG_ZF = 1 << 6,
	FLAG_SF = 1 << 7,
	FLAG_DF = 1 << 10,
	FLAG_OF = 1 << 11,
	FLAG_RF = 1 << 16,
};

#define FLAGS_ARITH (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

static u64 size_mask(u8 size)
{
	return ~0ULL >> (64 - 8 * size);
}

static u64 effective_address(const struct insn_mem *mem, const u64 gpr[16], u64 rip_next)
{
	u64 ea = (u64)mem->disp;

	if (mem->base == INSN_RIP)
		ea += rip_next;
	else if (mem->base != INSN_NO_REG)
		ea += gpr[mem->base];
	if (mem->index != INSN_NO_REG)
		ea += gpr[mem->index] * mem->scale;
	return ea;
}

static u64 linear_address(const struct insn_mem *mem, u64 ea, const u64 seg_base[INSN_NR_SEGS])
{
	ea &= size_mask(mem->addrsize);
	if (mem->mode64)
		return mem->seg >= FS ? ea + seg_base[mem->seg] : ea;
	return (ea + seg_base[mem->seg]) & size_mask(4);
}

u64 insn_mem_gva(const struct insn_mem *mem, const u64 gpr[16], const u64 seg_base[INSN_NR_SEGS],
		 u64 rip_next)
{
	return linear_address(mem, effective_address(mem, gpr, rip_next), seg_base);
}

static u64 read_reg(const u64 gpr[16], u8 nr, u8 size)
{
	return gpr[nr] & size_mask(size);
}

static u64 source(const struct insn *in, const u64 gpr[16])
{
	if (in->reg == INSN_NO_REG)
		return in->imm & size_mask(in->opsize);
	return read_reg(gpr, in->reg, 8) >> (in->high_byte ? 8 : 0) & size_mask(in->opsize);
}

u64 insn_gva(const struct insn *in, const u64 gpr[16], const u64 seg_base[INSN_NR_SEGS], u64 rip)
{
	u64 ea = effective_address(&in->mem, gpr, rip + in->len);

	/* A bit offset in a register is signed, and counts operands of opsize bytes from here. */
	if (in->op >= INSN_BTS && in->reg != INSN_NO_REG) {
		u64 sign = BIT(8 * in->opsize - 1);
		u64 byte = (u64)((s64)((source(in, gpr) ^ sign) - sign) >> 3);

		ea += byte & ~(u64)(in->opsize - 1);
	}
	return linear_address(&in->mem, ea, seg_base);
}

/* Record a register's new value: a part of 4 bytes clears what is above, a smaller one keeps it. */
static void set_gpr(struct insn_effect *effect, u8 nr, u64 old, u64 value, u8 size)
{
	u64 kept = size >= 4 ? 0 : old & ~size_mask(size);

	effect->gpr_nr[effect->gprs] = nr;
	effect->gpr[effect->gprs++] = kept | (value & size_mask(size));
}

static void set_source(const struct insn *in, const u64 gpr[16], struct insn_effect *effect,
		       u64 value)
{
	u64 old = gpr[in->reg];

	if (in->high_byte)
		set_gpr(effect, in->reg, old, (old & ~0xff00ULL) | value << 8, 8);
	else
		set_gpr(effect, in->reg, old, value, in->opsize);
}

/* PF, ZF and SF of a result; SDM vol. 1 3.4.3.1. */
static u64 result_flags(u64 result, u8 size)
{
	u64 flags = 0;
	u32 nibble = (result ^ result >> 4) & 15;

	if (!(0x6996 >> nibble & 1)) /* bit n of 0x6996: n has an odd number of ones */
		flags |= FLAG_PF;
	if (result == 0)
		flags |= FLAG_ZF;
	if (result >> (8 * size - 1))
		flags |= FLAG_SF;
	return flags;
}

/* carries: the carry or borrow out of each bit. OF: that into the sign is not that out of it. */
static u64 carry_flags(u64 carries, u8 size)
{
	u64 sign = 8 * size - 1;
	u64 flags = 0;

	if (carries >> sign & 1)
		flags |= FLAG_CF;
	if (carries >> 3 & 1)
		flags |= FLAG_AF;
	if ((carries >> sign ^ carries >> (sign - 1)) & 1)
		flags |= FLAG_OF;
	return flags;
}

static u64 add(u64 a, u64 b, u64 carry, u8 size, u64 *flags)
{
	u64 sum = (a + b + carry) & size_mask(size);

	*flags = result_flags(sum, size) | carry_flags((a & b) | ((a | b) & ~sum), size);
	return sum;
}

static u64 sub(u64 a, u64 b, u64 borrow, u8 size, u64 *flags)
{
	u64 diff = (a - b - borrow) & size_mask(size);

	*flags = result_flags(diff, size) | carry_flags((~a & b) | ((~a | b) & diff), size);
	return diff;
}

/* The operations with two operands or one, one result and the arithmetic flags. */
static u64 arithmetic(enum insn_op op, u64 old, u64 src, u8 size, u64 *flags)
{
	u64 carry = *flags & FLAG_CF;
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
		*flags = (*flags & ~(u64)FLAG_CF) | carry;
		return value;
	case INSN_DEC:
		value = sub(old, 1, 0, size, flags);
		*flags = (*flags & ~(u64)FLAG_CF) | carry;
		return value;
	case INSN_NOT:
		return ~old & size_mask(size);
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
		*flags = (*flags & ~(u64)FLAG_CF) | (old & bit ? FLAG_CF : 0);
		if (op == INSN_BTS)
			return old | bit;
		return op == INSN_BTR ? old & ~bit : old ^ bit;
	}
	*flags = result_flags(value, size);
	return value;
}

static void run_cmpxchg(const struct insn *in, const u64 gpr[16], u64 old,
			struct insn_effect *effect)
{
	u64 flags;

	sub(read_reg(gpr, AX, in->opsize), old, 0, in->opsize, &flags);
	effect->rflags = (effect->rflags & ~(u64)FLAGS_ARITH) | flags;
	effect->value[0] = source(in, gpr);
	effect->write = flags & FLAG_ZF;
	if (!effect->write)
		set_gpr(effect, AX, gpr[AX], old, in->opsize);
}

static void run_cmpxchg_pair(const struct insn *in, const u64 gpr[16], const u64 old[2],
			     struct insn_effect *effect)
{
	u8 half = in->opsize / 2;
	u64 low = half == 8 ? old[0] : old[0] & size_mask(4);
	u64 high = half == 8 ? old[1] : old[0] >> 32;

	effect->write = low == read_reg(gpr, AX, half) && high == read_reg(gpr, DX, half);
	if (!effect->write) {
		effect->rflags &= ~(u64)FLAG_ZF;
		set_gpr(effect, AX, 0, low, half);
		set_gpr(effect, DX, 0, high, half);
		return;
	}
	effect->rflags |= FLAG_ZF;
	effect->value[0] = read_reg(gpr, BX, half);
	if (half == 8)
		effect->value[1] = gpr[CX];
	else
		effect->value[0] |= gpr[CX] << 32;
}

/* One element. SDM vol. 2B REP: the counter and the indices are as wide as addresses are. */
static void run_string(const struct insn *in, const u64 gpr[16], u64 value,
		       struct insn_effect *effect)
{
	u8 width = in->mem.addrsize;
	u64 count = in->rep ? read_reg(gpr, CX, width) : 1;
	u64 step = effect->rflags & FLAG_DF ? -(u64)in->opsize : in->opsize;

	if (count == 0)
		return;
	effect->write = true;
	effect->value[0] = value;
	set_gpr(effect, DI, gpr[DI], gpr[DI] + step, width);
	if (in->op == INSN_MOVS)
		set_gpr(effect, SI, gpr[SI], gpr[SI] + step, width);
	if (in->rep)
		set_gpr(effect, CX, gpr[CX], count - 1, width);
	if (count > 1)
		effect->rip -= in->len;
}

void insn_run(const struct insn *in, const u64 gpr[16], u64 rflags, u64 rip, const u64 old[2],
	      u64 src, struct insn_effect *effect)
{
	u64 mask = size_mask(in->opsize < 8 ? in->opsize : 8);
	u64 before = old[0] & mask;

	*effect = (struct insn_effect){.rflags = rflags, .rip = rip + in->len, .write = true};

	switch (in->op) {
	case INSN_MOV:
		effect->value[0] = source(in, gpr);
		break;
	case INSN_STOS:
	case INSN_MOVS:
		effect->write = false;
		run_string(in, gpr, in->op == INSN_MOVS ? src & mask : source(in, gpr), effect);
		break;
	case INSN_XCHG:
		effect->value[0] = source(in, gpr);
		set_source(in, gpr, effect, before);
		break;
	case INSN_CMPXCHG:
		run_cmpxchg(in, gpr, before, effect);
		break;
	case INSN_CMPXCHG_PAIR:
		run_cmpxchg_pair(in, gpr, old, effect);
		break;
	default: {
		u64 operand = in->op >= INSN_INC && in->op <= INSN_NEG ? 0 : source(in, gpr);
		u64 flags = rflags & FLAGS_ARITH;

		effect->value[0] = arithmetic(in->op, before, operand, in->opsize, &flags);
		effect->rflags = (rflags & ~(u64)FLAGS_ARITH) | flags;
		if (in->op == INSN_XADD)
			set_source(in, gpr, effect, before);
		break;
	}
	}

	if (!in->mem.mode64)
		effect->rip &= size_mask(4);
	/* RF is gone once an instruction has completed; SDM vol. 3B 17.3.1.1. */
	if (effect->rip != rip)
		effect->rflags &= ~(u64)FLAG_RF;
}
