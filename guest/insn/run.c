/* SPDX-License-Identifier: MIT */
/* What a store does: the value stored, and the registers and flags after it. */
#include "guest/insn/exec.h"
#include "guest/insn/insn.h"

/* Record a register's new value: a part of 4 bytes clears what is above, a smaller one keeps it. */
static void set_gpr(struct insn_effect *effect, u8 nr, u64 old, u64 value, u8 size)
{
	u64 kept = size >= 4 ? 0 : old & ~insn_size_mask(size);

	effect->gpr_nr[effect->gprs] = nr;
	effect->gpr[effect->gprs++] = kept | (value & insn_size_mask(size));
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

static void run_cmpxchg(const struct insn *in, const u64 gpr[16], u64 old,
			struct insn_effect *effect)
{
	u64 flags = 0;

	insn_arithmetic(INSN_SUB, insn_reg(gpr, AX, in->opsize), old, in->opsize, &flags);
	effect->rflags = (effect->rflags & ~FLAGS_ARITH) | flags;
	effect->value[0] = insn_source(in, gpr);
	effect->write = flags & RFLAGS_ZF;
	if (!effect->write)
		set_gpr(effect, AX, gpr[AX], old, in->opsize);
}

static void run_cmpxchg_pair(const struct insn *in, const u64 gpr[16], const u64 old[2],
			     struct insn_effect *effect)
{
	u8 half = in->opsize / 2;
	u64 low = half == 8 ? old[0] : old[0] & insn_size_mask(4);
	u64 high = half == 8 ? old[1] : old[0] >> 32;

	effect->write = low == insn_reg(gpr, AX, half) && high == insn_reg(gpr, DX, half);
	if (!effect->write) {
		effect->rflags &= ~RFLAGS_ZF;
		set_gpr(effect, AX, 0, low, half);
		set_gpr(effect, DX, 0, high, half);
		return;
	}
	effect->rflags |= RFLAGS_ZF;
	effect->value[0] = insn_reg(gpr, BX, half);
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
	u64 count = in->rep ? insn_reg(gpr, CX, width) : 1;
	u64 step = effect->rflags & RFLAGS_DF ? -(u64)in->opsize : in->opsize;

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
	u64 mask = insn_size_mask(in->opsize < 8 ? in->opsize : 8);
	u64 before = old[0] & mask;

	*effect = (struct insn_effect){.rflags = rflags, .rip = rip + in->len, .write = true};

	switch (in->op) {
	case INSN_MOV:
		effect->value[0] = insn_source(in, gpr);
		break;
	case INSN_STOS:
	case INSN_MOVS:
		effect->write = false;
		run_string(in, gpr, in->op == INSN_MOVS ? src & mask : insn_source(in, gpr),
			   effect);
		break;
	case INSN_XCHG:
		effect->value[0] = insn_source(in, gpr);
		set_source(in, gpr, effect, before);
		break;
	case INSN_CMPXCHG:
		run_cmpxchg(in, gpr, before, effect);
		break;
	case INSN_CMPXCHG_PAIR:
		run_cmpxchg_pair(in, gpr, old, effect);
		break;
	default: {
		u64 flags = rflags & FLAGS_ARITH;

		effect->value[0] =
			insn_arithmetic(in->op, before, insn_source(in, gpr), in->opsize, &flags);
		effect->rflags = (rflags & ~FLAGS_ARITH) | flags;
		if (in->op == INSN_XADD)
			set_source(in, gpr, effect, before);
		break;
	}
	}

	if (!in->mem.mode64)
		effect->rip &= insn_size_mask(4);
	/* RF is gone once an instruction has completed; SDM vol. 3B 18.3.1.1. */
	if (effect->rip != rip)
		effect->rflags &= ~RFLAGS_RF;
}
