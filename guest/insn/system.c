/* SPDX-License-Identifier: MIT */
/* Decode the instructions that are intercepted, where the CPU does not say their operands. */
#include "guest/insn/insn.h"
#include "guest/insn/parse.h"

static void take_port(struct insn_parse *p, struct insn_system *out, u8 opcode)
{
	out->opsize = opcode & 1 ? (p->opsize == 2 ? 2 : 4) : 1;
	if (opcode & 8)
		out->reg = DX;
	else
		out->nr = insn_take_byte(p);
	out->kind = opcode & 2 ? INSN_SYS_OUT : INSN_SYS_IN;
}

static void take_string_port(struct insn_parse *p, struct insn_system *out, u8 opcode)
{
	bool outs = opcode & 2;

	out->opsize = opcode & 1 ? (p->opsize == 2 ? 2 : 4) : 1;
	out->reg = DX;
	out->rep = p->rep;
	out->mem =
		outs ? insn_fixed_mem(p, insn_segment(p, DS), SI, 0) : insn_fixed_mem(p, ES, DI, 0);
	out->kind = outs ? INSN_SYS_OUTS : INSN_SYS_INS;
}

static void take_mov_seg(struct insn_parse *p, struct insn_system *out)
{
	insn_parse_modrm(p);
	if ((p->reg & 7) != SS) /* REX.R is ignored */
		return;
	out->kind = INSN_SYS_MOV_SS;
	out->opsize = 2;
	if (p->mod == 3)
		out->reg = p->rm;
	else
		out->mem = p->mem;
}

/* Instructions without operands: kinds by opcode, of one byte and after 0f. */
static const u8 plain[256] = {
	[0xcc] = INSN_SYS_INT3,
	[0xf1] = INSN_SYS_INT1,
	[0xf4] = INSN_SYS_HLT,
};
static const u8 plain_0f[256] = {
	[0x06] = INSN_SYS_CLTS,  [0x08] = INSN_SYS_INVD,  [0x30] = INSN_SYS_WRMSR,
	[0x32] = INSN_SYS_RDMSR, [0xa2] = INSN_SYS_CPUID,
};

static void take_one_byte(struct insn_parse *p, struct insn_system *out, u8 opcode)
{
	switch (opcode) {
	case 0x6c ... 0x6f:
		take_string_port(p, out, opcode);
		break;
	case 0x8e:
		take_mov_seg(p, out);
		break;
	case 0xcd:
		out->nr = insn_take_byte(p);
		out->kind = INSN_SYS_INT;
		break;
	case 0xce:
		out->kind = p->mode == INSN_64 ? INSN_SYS_NONE : INSN_SYS_INTO;
		break;
	case 0xe4 ... 0xe7:
	case 0xec ... 0xef:
		take_port(p, out, opcode);
		break;
	default:
		out->kind = plain[opcode];
	}
}

/* ModRM.mod is ignored: it is always a register. */
static void take_mov_cr(struct insn_parse *p, struct insn_system *out, enum insn_sys kind)
{
	u8 modrm = insn_take_byte(p);
	u8 nr = (modrm >> 3 & 7) | (p->rex & REX_R ? 8 : 0);

	if (p->lock && nr == 0) /* APM vol. 3, MOV CRn: how 32-bit code names CR8 */
		nr = 8;
	else if (p->lock)
		return;
	if (nr != 0 && nr != 2 && nr != 3 && nr != 4 && nr != 8)
		return;
	p->lock = false;
	out->nr = nr;
	out->reg = (modrm & 7) | (p->rex & REX_B ? 8 : 0);
	out->opsize = p->mode == INSN_64 ? 8 : 4;
	out->kind = kind;
}

/* 0f 01: ModRM.reg, and with mod = 3 the whole byte. */
static void take_group_7(struct insn_parse *p, struct insn_system *out)
{
	insn_parse_modrm(p);

	bool memory = p->mod != 3;
	u8 rm = p->rm & 7;

	out->mem = p->mem;
	switch (p->reg & 7) {
	case 2:
		if (!memory && rm == 1 && !p->opsize_66 && !p->rep)
			out->kind = INSN_SYS_XSETBV;
		break;
	case 3:
		if (!memory && rm == 1)
			out->kind = INSN_SYS_VMMCALL;
		else if (!memory)
			out->kind = INSN_SYS_SVM;
		break;
	case 4:
	case 6:
		out->kind = (p->reg & 7) == 4 ? INSN_SYS_SMSW : INSN_SYS_LMSW;
		out->reg = memory ? INSN_NO_REG : p->rm;
		out->opsize = memory || out->kind == INSN_SYS_LMSW ? 2 : p->opsize;
		break;
	case 7:
		if (memory)
			out->kind = INSN_SYS_INVLPG;
		break;
	}
}

static void take_invpcid(struct insn_parse *p, struct insn_system *out)
{
	if (insn_take_byte(p) != 0x82 || !p->opsize_66 || p->rep)
		return;
	insn_parse_modrm(p);
	if (p->mod == 3)
		return;
	out->reg = p->reg;
	out->mem = p->mem;
	out->opsize = p->mode == INSN_64 ? 8 : 4;
	out->kind = INSN_SYS_INVPCID;
}

static void take_two_byte(struct insn_parse *p, struct insn_system *out)
{
	u8 opcode = insn_take_byte(p);

	switch (opcode) {
	case 0x01:
		take_group_7(p, out);
		break;
	case 0x20:
		take_mov_cr(p, out, INSN_SYS_MOV_FROM_CR);
		break;
	case 0x22:
		take_mov_cr(p, out, INSN_SYS_MOV_TO_CR);
		break;
	case 0x38:
		take_invpcid(p, out);
		break;
	default:
		out->kind = plain_0f[opcode];
	}
}

int insn_system(const u8 *bytes, u32 avail, enum insn_mode mode, struct insn_system *out)
{
	struct insn_parse p;

	insn_parse_prefixes(&p, bytes, avail, mode);
	*out = (struct insn_system){.reg = INSN_NO_REG};

	u8 opcode = insn_take_byte(&p);

	if (opcode == 0x0f)
		take_two_byte(&p, out);
	else
		take_one_byte(&p, out, opcode);
	out->len = (u8)p.pos;
	out->locked = p.lock && !p.overrun;

	/* None of them may be locked. */
	return out->kind == INSN_SYS_NONE || p.overrun || p.lock ? -1 : 0;
}
