/* SPDX-License-Identifier: MIT */
/* Decode the instructions that kernels store to page tables with. */
#include "guest/insn/insn.h"
#include "guest/insn/parse.h"

/* Opcodes whose meaning is in ModRM.reg. Values go on where enum insn_op ends. */
enum { GROUPS = INSN_BTC + 1, GROUP_1 = GROUPS, GROUP_3, GROUP_4_5, GROUP_8, GROUP_9, GROUP_11 };

static const u8 group[][8] = {
	[GROUP_1 - GROUPS] = {INSN_ADD, INSN_OR, INSN_ADC, INSN_SBB, INSN_AND, INSN_SUB, INSN_XOR},
	[GROUP_3 - GROUPS] = {[2] = INSN_NOT, [3] = INSN_NEG},
	[GROUP_4_5 - GROUPS] = {INSN_INC, INSN_DEC},
	[GROUP_8 - GROUPS] = {[5] = INSN_BTS, [6] = INSN_BTR, [7] = INSN_BTC},
	[GROUP_9 - GROUPS] = {[1] = INSN_CMPXCHG_PAIR},
	[GROUP_11 - GROUPS] = {INSN_MOV},
};

/* How wide the memory operand is: names of the manuals' operand-type letters. */
enum size { B, V, Y, PAIR }; /* 1; 2, 4, 8; 4, 8; 8, 16 */

/* The other operand. REG to NO_SRC have ModRM. */
enum source { REG, IMM8, IMM, NO_SRC, MOFFS, STRING };

struct form {
	u8 op;     /* enum insn_op or a group; INSN_NONE: not ours */
	u8 size;   /* enum size */
	u8 source; /* enum source */
};

static const struct form one_byte[256] = {
	[0x00] = {INSN_ADD, B, REG},     [0x01] = {INSN_ADD, V, REG},
	[0x08] = {INSN_OR, B, REG},      [0x09] = {INSN_OR, V, REG},
	[0x10] = {INSN_ADC, B, REG},     [0x11] = {INSN_ADC, V, REG},
	[0x18] = {INSN_SBB, B, REG},     [0x19] = {INSN_SBB, V, REG},
	[0x20] = {INSN_AND, B, REG},     [0x21] = {INSN_AND, V, REG},
	[0x28] = {INSN_SUB, B, REG},     [0x29] = {INSN_SUB, V, REG},
	[0x30] = {INSN_XOR, B, REG},     [0x31] = {INSN_XOR, V, REG},
	[0x80] = {GROUP_1, B, IMM8},     [0x81] = {GROUP_1, V, IMM},
	[0x82] = {GROUP_1, B, IMM8}, /* 0x80 once more, but not in 64-bit code */
	[0x83] = {GROUP_1, V, IMM8},     [0x86] = {INSN_XCHG, B, REG},
	[0x87] = {INSN_XCHG, V, REG},    [0x88] = {INSN_MOV, B, REG},
	[0x89] = {INSN_MOV, V, REG},     [0xa2] = {INSN_MOV, B, MOFFS},
	[0xa3] = {INSN_MOV, V, MOFFS},   [0xa4] = {INSN_MOVS, B, STRING},
	[0xa5] = {INSN_MOVS, V, STRING}, [0xaa] = {INSN_STOS, B, STRING},
	[0xab] = {INSN_STOS, V, STRING}, [0xc6] = {GROUP_11, B, IMM8},
	[0xc7] = {GROUP_11, V, IMM},     [0xf6] = {GROUP_3, B, NO_SRC},
	[0xf7] = {GROUP_3, V, NO_SRC},   [0xfe] = {GROUP_4_5, B, NO_SRC},
	[0xff] = {GROUP_4_5, V, NO_SRC},
};

/* After 0x0f. */
static const struct form two_byte[256] = {
	[0xab] = {INSN_BTS, V, REG},      [0xb0] = {INSN_CMPXCHG, B, REG},
	[0xb1] = {INSN_CMPXCHG, V, REG},  [0xb3] = {INSN_BTR, V, REG},
	[0xba] = {GROUP_8, V, IMM8},      [0xbb] = {INSN_BTC, V, REG},
	[0xc0] = {INSN_XADD, B, REG},     [0xc1] = {INSN_XADD, V, REG},
	[0xc3] = {INSN_MOV, Y, REG}, /* MOVNTI */
	[0xc7] = {GROUP_9, PAIR, NO_SRC},
};

static struct form find_form(struct insn_parse *p)
{
	u8 opcode = insn_take_byte(p);
	struct form none = {.op = INSN_NONE};

	if (opcode == 0x0f) {
		struct form form = two_byte[insn_take_byte(p)];

		/* MOVNTI with any of them is undefined. */
		if (form.size == Y && (p->opsize_66 || p->rep))
			return none;
		return form;
	}
	if (opcode == 0x82 && p->mode == INSN_64)
		return none;
	return one_byte[opcode];
}

static u8 operand_size(const struct insn_parse *p, enum size size)
{
	switch (size) {
	case B:
		return 1;
	case Y:
		return p->rex & REX_W ? 8 : 4;
	case PAIR:
		return p->rex & REX_W ? 16 : 8;
	default:
		return p->opsize;
	}
}

static void set_reg(struct insn *in, const struct insn_parse *p, u8 reg)
{
	in->high_byte = in->opsize == 1 && !p->rex && reg >= SP;
	in->reg = in->high_byte ? reg - SP : reg;
}

static void take_source(struct insn *in, struct insn_parse *p, enum source source)
{
	switch (source) {
	case REG:
		set_reg(in, p, p->reg);
		break;
	case IMM8:
		in->imm = insn_take_signed(p, 1);
		break;
	case IMM: /* four bytes also where the operand has eight */
		in->imm = insn_take_signed(p, in->opsize == 2 ? 2 : 4);
		break;
	case NO_SRC:
		break;
	case MOFFS:
		in->mem = insn_fixed_mem(p, insn_segment(p, DS), INSN_NO_REG, 0);
		in->mem.disp = (s64)insn_take(p, p->addrsize);
		in->reg = AX;
		break;
	case STRING: /* the destination's segment cannot be overridden */
		in->mem = insn_fixed_mem(p, ES, DI, 0);
		in->rep = p->rep;
		if (in->op == INSN_MOVS)
			in->src = insn_fixed_mem(p, insn_segment(p, DS), SI, 0);
		else
			in->reg = AX;
		break;
	}
}

int insn_decode(const u8 *bytes, u32 avail, enum insn_mode mode, struct insn *out)
{
	struct insn_parse p;

	insn_parse_prefixes(&p, bytes, avail, mode);

	struct form form = find_form(&p);

	if (form.op == INSN_NONE)
		return -1;
	*out = (struct insn){
		.opsize = operand_size(&p, form.size),
		.reg = INSN_NO_REG,
		.lock = p.lock,
	};
	if (form.source <= NO_SRC) {
		insn_parse_modrm(&p);
		if (p.mod == 3)
			return -1;
		if (form.op >= GROUPS)
			form.op = group[form.op - GROUPS][p.reg & 7];
		if (form.op == INSN_NONE)
			return -1;
		out->mem = p.mem;
	}
	out->op = form.op;
	take_source(out, &p, form.source);
	out->len = (u8)p.pos;

	/* LOCK needs a load and a store in one. */
	if (p.overrun || (p.lock && !insn_reads(out)))
		return -1;
	return 0;
}
