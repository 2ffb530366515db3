/* SPDX-License-Identifier: MIT */
/* One instruction of the table in forms.c, with random operands. */
#include "tests/guests/crashme/crashme.h"

#include "guest/builtin/lib/paging.h"
#include "tests/guests/crashme/forms.h"

#define REX   0x40
#define REX_B BIT(0)
#define REX_R BIT(2)
#define REX_W BIT(3)

/* The operands of one instruction. */
struct operands {
	u8 reg, rm; /* ModRM.reg; ModRM.rm, or the base of the address */
	u32 disp;
	bool memory; /* ModRM.rm is memory */
};

/* Bases that memory operands use; which page each points to is registers.c's. */
static u8 random_base(void)
{
	static const u8 long_bases[] = {8, 8, 8, 10, 10, 11, SI, DI, SP, 9, 9, 9};
	static const u8 compat_bases[] = {BX, BX, BX, BP, SI, DI, SP, DX};

	if (!stream.compat)
		return long_bases[pick(ARRAY_SIZE(long_bases))];
	return compat_bases[pick(ARRAY_SIZE(compat_bases))];
}

/* Of an entry, or across the end of a page or of an entry. */
u32 random_disp(void)
{
	static const u32 odd[] = {0xffc, 0xff8, 0xff9, 0xfff, 0x1000, 1, 3, 0xff0, 0xe00, 12};

	return pick(4) ? pick(16) * 8 : odd[pick(ARRAY_SIZE(odd))];
}

/* The register is one that no address is made of, but for now and then. */
static u8 random_register(void)
{
	static const u8 long_regs[] = {AX, CX, DX, BX, 12, 13, 14, 15};
	static const u8 compat_regs[] = {AX, CX, AX, CX, AX, CX, AX, DX};

	return stream.compat ? compat_regs[pick(8)] : long_regs[pick(8)];
}

/* MOV from a control register, from and to a debug register. */
static bool moves_special(const struct form *f)
{
	return f->map == MAP_0F && (f->opcode == 0x20 || f->opcode == 0x21 || f->opcode == 0x23);
}

/* Of control and debug registers, or what the form allows; else what it is. */
static u8 random_reg_field(const struct form *f, u8 reg)
{
	if (f->modrm && f->regs != ALL) {
		u8 r;

		do
			r = (u8)pick(8);
		while (!(f->regs >> r & 1));
		return r | (stream.compat || pick(8) ? 0 : 8);
	}
	if (moves_special(f)) {
		reg = (u8)pick(8);
		return reg | (stream.compat || pick(6) ? 0 : 8);
	}
	return reg;
}

static struct operands random_operands(const struct form *f)
{
	struct operands o = {.memory = f->modrm != NO && f->modrm != REG};

	o.reg = random_register();
	o.rm = random_base();
	o.disp = random_disp();
	if (f->modrm == ANY && !pick(8))
		o.memory = false;
	if (f->modrm != NO && !o.memory)
		o.rm = random_register();
	o.reg = random_reg_field(f, o.reg);
	return o;
}

static void emit_invlpg(const struct operands *o)
{
	insn();
	if (!stream.compat && o->rm >= 8)
		emit8(REX | REX_B);
	emit_wide(ADSIZE);
	emit8(0x0f);
	emit8(0x01);
	emit_modrm_memory(7, o->rm, o->disp);
}

/* Returns whether the operand is of 64 bits. */
static bool emit_rex(const struct form *f, const struct operands *o)
{
	u8 rex = (o->reg & 8 ? REX_R : 0) | (o->rm & 8 && f->modrm ? REX_B : 0);

	if (!pick(2))
		rex |= REX_W;
	/* Without a bit it means something to byte registers alone. */
	if (rex || !pick(8))
		emit8(REX | rex);
	return rex & REX_W;
}

static void emit_opcode(const struct form *f)
{
	if (f->map != ONE)
		emit8(0x0f);
	if (f->map == MAP_0F38)
		emit8(0x38);
	if (f->map == MAP_0F3A)
		emit8(0x3a);
	emit8(f->opcode);
}

static void emit_immediate(u8 immediate, bool word)
{
	static const u8 ports[] = {PORT_KEYBOARD, PORT_A, PORT_CMOS, PORT_CMOS + 1, PORT_POST,
				   0xb2,          0x20,   0x21,      0xed};
	static const u8 vectors[] = {VEC_DE, VEC_DB, VEC_NMI, VEC_BP, VEC_OF,      VEC_UD, VEC_DF,
				     VEC_GP, VEC_PF, VECTOR,  26,     VECTOR_DONE, 0xff};
	u64 value;

	switch (immediate) {
	case IB:
		emit8(pick(2) ? pick(8) : rnd());
		break;
	case IZ:
		emit(random_value(), word ? 2 : 4);
		break;
	case MOFFS:
		value = pick(2) ? TABLE_VA : DATA_VA;
		emit(value + random_disp(), stream.compat ? 4 : 8);
		break;
	case IW_IB:
		value = pick(64) * 8;
		emit(value | pick(3) << 16, 3);
		break;
	case PORT:
		emit8(ports[pick(ARRAY_SIZE(ports))]);
		break;
	case INT_N:
		emit8(vectors[pick(ARRAY_SIZE(vectors))]);
		break;
	}
}

void general(void)
{
	const struct form *f = &forms[pick(nr_forms)];
	struct operands o = random_operands(f);
	bool word, wide = false;

	/* Strings and PUSH have no ModRM, but use memory. */
	if (stream.invlpg && (o.memory || f->modrm == NO))
		emit_invlpg(&o);
	insn();
	word = emit_prefixes();
	if (!stream.compat)
		wide = emit_rex(f, &o);
	emit_opcode(f);
	if (f->modrm && o.memory)
		emit_modrm_memory(o.reg, o.rm, o.disp);
	else if (f->modrm)
		emit_modrm_register(o.reg, o.rm);
	emit_immediate(f->immediate, word && !wide);
}
