/* SPDX-License-Identifier: MIT */
/* What Zydis says of an instruction, in the words of guest/insn/insn.h. */
#include <Zydis/Zydis.h>
#include <stdio.h>
#include <string.h>

#include "tests/host/insn_oracle.h"

struct zydis {
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
};

static bool zydis_decode(const u8 *bytes, u32 avail, enum insn_mode mode, struct zydis *z)
{
	static const ZydisMachineMode machine[] = {
		[INSN_16] = ZYDIS_MACHINE_MODE_LEGACY_16,
		[INSN_32] = ZYDIS_MACHINE_MODE_LEGACY_32,
		[INSN_64] = ZYDIS_MACHINE_MODE_LONG_64,
	};
	static const ZydisStackWidth stack[] = {
		[INSN_16] = ZYDIS_STACK_WIDTH_16,
		[INSN_32] = ZYDIS_STACK_WIDTH_32,
		[INSN_64] = ZYDIS_STACK_WIDTH_64,
	};
	ZydisDecoder decoder;

	return ZYAN_SUCCESS(ZydisDecoderInit(&decoder, machine[mode], stack[mode])) &&
	       ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, avail, &z->insn, z->op));
}

static int disagree(const char *what, const u8 *bytes, u32 avail, enum insn_mode mode, u64 ours,
		    u64 theirs)
{
	fprintf(stderr, "%d-bit code", 16 << mode);
	for (u32 i = 0; i < avail && i < INSN_MAX_LEN; i++)
		fprintf(stderr, " %02x", bytes[i]);
	fprintf(stderr, ": %s: %#lx, Zydis says %#lx\n", what, ours, theirs);
	return -1;
}

#define AGREE(what, ours, theirs)                                                              \
	do {                                                                                   \
		if ((u64)(ours) != (u64)(theirs))                                              \
			return disagree(what, bytes, avail, mode, (u64)(ours), (u64)(theirs)); \
	} while (0)

/* A register's number in machine encoding; RIP and none as insn.h has them. */
static u8 reg_number(ZydisRegister reg)
{
	if (reg == ZYDIS_REGISTER_NONE)
		return INSN_NO_REG;
	if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
		return INSN_RIP;
	return (u8)ZydisRegisterGetId(
		ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg));
}

static bool is_high_byte(ZydisRegister reg)
{
	return reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH;
}

static int agree_mem(const struct insn_mem *mem, const struct zydis *z,
		     const ZydisDecodedOperand *op, const u8 *bytes, u32 avail, enum insn_mode mode)
{
	const u64 mask = ~0ULL >> (64 - z->insn.address_width);
	bool has_index = op->mem.index != ZYDIS_REGISTER_NONE;
	u8 seg = (u8)ZydisRegisterGetId(op->mem.segment);
	u8 base = reg_number(op->mem.base);
	s64 disp = op->mem.disp.value;

	/*
	 * mod = 0 and base = 5 is no base, with REX.B too (SDM vol. 2A 2.2.1.3). Zydis 4.0 sees R13D
	 * there when the address size is 4; the CPU does not: test_insn_run.c executes it.
	 */
	if (op->mem.base == ZYDIS_REGISTER_R13D && z->insn.raw.modrm.mod == 0 &&
	    z->insn.raw.modrm.rm == 4) {
		base = INSN_NO_REG;
		disp = z->insn.raw.disp.value;
	}

	AGREE("address size", mem->addrsize * 8, z->insn.address_width);
	AGREE("base", mem->base, base);
	AGREE("index", mem->index, reg_number(op->mem.index));
	AGREE("scale", mem->scale, has_index ? op->mem.scale : 1);
	AGREE("displacement", (u64)mem->disp & mask, (u64)disp & mask);
	AGREE("64-bit code", mem->mode64, mode == INSN_64);
	/* 64-bit code has FS and GS; the others are all alike. */
	if (mode != INSN_64 || mem->seg >= 4 || seg >= 4)
		AGREE("segment", mem->seg, seg);
	return 0;
}

/* The instruction is one of insn.h's list. Its opcode tells it from others of the same name. */
static enum insn_op expected_op(const struct zydis *z)
{
	u8 opcode = z->insn.opcode;

	if (z->insn.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY ||
	    z->op[0].type != ZYDIS_OPERAND_TYPE_MEMORY)
		return INSN_NONE;

	switch (z->insn.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		return opcode == 0x8c ? INSN_NONE : INSN_MOV;
	case ZYDIS_MNEMONIC_MOVNTI:
		return INSN_MOV;
	case ZYDIS_MNEMONIC_STOSB:
	case ZYDIS_MNEMONIC_STOSW:
	case ZYDIS_MNEMONIC_STOSD:
	case ZYDIS_MNEMONIC_STOSQ:
		return INSN_STOS;
	case ZYDIS_MNEMONIC_MOVSB:
	case ZYDIS_MNEMONIC_MOVSW:
	case ZYDIS_MNEMONIC_MOVSD:
	case ZYDIS_MNEMONIC_MOVSQ:
		return z->insn.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT ? INSN_MOVS : INSN_NONE;
	case ZYDIS_MNEMONIC_XCHG:
		return INSN_XCHG;
	case ZYDIS_MNEMONIC_XADD:
		return INSN_XADD;
	case ZYDIS_MNEMONIC_CMPXCHG:
		return INSN_CMPXCHG;
	case ZYDIS_MNEMONIC_CMPXCHG8B:
	case ZYDIS_MNEMONIC_CMPXCHG16B:
		return INSN_CMPXCHG_PAIR;
	case ZYDIS_MNEMONIC_ADD:
		return INSN_ADD;
	case ZYDIS_MNEMONIC_OR:
		return INSN_OR;
	case ZYDIS_MNEMONIC_ADC:
		return INSN_ADC;
	case ZYDIS_MNEMONIC_SBB:
		return INSN_SBB;
	case ZYDIS_MNEMONIC_AND:
		return INSN_AND;
	case ZYDIS_MNEMONIC_SUB:
		return INSN_SUB;
	case ZYDIS_MNEMONIC_XOR:
		return INSN_XOR;
	case ZYDIS_MNEMONIC_INC:
		return INSN_INC;
	case ZYDIS_MNEMONIC_DEC:
		return INSN_DEC;
	case ZYDIS_MNEMONIC_NOT:
		return INSN_NOT;
	case ZYDIS_MNEMONIC_NEG:
		return INSN_NEG;
	case ZYDIS_MNEMONIC_BTS:
		return INSN_BTS;
	case ZYDIS_MNEMONIC_BTR:
		return INSN_BTR;
	case ZYDIS_MNEMONIC_BTC:
		return INSN_BTC;
	default:
		return INSN_NONE;
	}
}

int oracle_decode(const u8 *bytes, u32 avail, enum insn_mode mode)
{
	struct zydis z;
	struct insn in;
	enum insn_op op = INSN_NONE;
	int err = insn_decode(bytes, avail, mode, &in);

	if (zydis_decode(bytes, avail, mode, &z))
		op = expected_op(&z);
	AGREE("known", err == 0, op != INSN_NONE);
	if (err)
		return ORACLE_UNKNOWN;

	const ZydisDecodedOperand *src = &z.op[1];
	bool movs = op == INSN_MOVS;
	bool string = movs || op == INSN_STOS;
	u64 repeats = ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE;
	bool visible = z.insn.operand_count_visible > 1 || string;

	AGREE("operation", in.op, op);
	AGREE("length", in.len, z.insn.length);
	AGREE("operand size", in.opsize * 8, z.op[0].size);
	AGREE("lock", in.lock, (z.insn.attributes & ZYDIS_ATTRIB_HAS_LOCK) != 0);
	AGREE("repeat", in.rep, string && (z.insn.attributes & repeats));
	if (agree_mem(&in.mem, &z, &z.op[0], bytes, avail, mode))
		return -1;
	if (movs && agree_mem(&in.src, &z, src, bytes, avail, mode))
		return -1;

	if (!movs && visible && src->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		bool high = is_high_byte(src->reg.value);
		u8 nr = reg_number(src->reg.value);

		AGREE("register", in.reg, nr);
		AGREE("high byte", in.high_byte, high);
	} else {
		AGREE("register", in.reg, INSN_NO_REG);
		AGREE("high byte", in.high_byte, false);
	}
	if (!movs && visible && src->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		/* A bit's number has one byte, and no sign to extend. */
		u64 mask = op >= INSN_BTS ? 0xff : ~0ULL >> (64 - 8 * in.opsize);

		AGREE("immediate", in.imm & mask, src->imm.value.u & mask);
	}
	return ORACLE_KNOWN;
}

static enum insn_sys expected_sys(const struct zydis *z)
{
	switch (z->insn.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		if (z->insn.opcode_map != ZYDIS_OPCODE_MAP_0F)
			return z->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
					       z->op[0].reg.value == ZYDIS_REGISTER_SS
				       ? INSN_SYS_MOV_SS
				       : INSN_SYS_NONE;
		if (z->insn.opcode == 0x20)
			return INSN_SYS_MOV_FROM_CR;
		return z->insn.opcode == 0x22 ? INSN_SYS_MOV_TO_CR : INSN_SYS_NONE;
	case ZYDIS_MNEMONIC_CLTS:
		return INSN_SYS_CLTS;
	case ZYDIS_MNEMONIC_LMSW:
		return INSN_SYS_LMSW;
	case ZYDIS_MNEMONIC_SMSW:
		return INSN_SYS_SMSW;
	case ZYDIS_MNEMONIC_INVLPG:
		return INSN_SYS_INVLPG;
	case ZYDIS_MNEMONIC_INVPCID:
		return INSN_SYS_INVPCID;
	case ZYDIS_MNEMONIC_INVD:
		return INSN_SYS_INVD;
	case ZYDIS_MNEMONIC_CPUID:
		return INSN_SYS_CPUID;
	case ZYDIS_MNEMONIC_RDMSR:
		return INSN_SYS_RDMSR;
	case ZYDIS_MNEMONIC_WRMSR:
		return INSN_SYS_WRMSR;
	case ZYDIS_MNEMONIC_XSETBV:
		return INSN_SYS_XSETBV;
	case ZYDIS_MNEMONIC_VMMCALL:
		return INSN_SYS_VMMCALL;
	case ZYDIS_MNEMONIC_VMRUN:
	case ZYDIS_MNEMONIC_VMLOAD:
	case ZYDIS_MNEMONIC_VMSAVE:
	case ZYDIS_MNEMONIC_STGI:
	case ZYDIS_MNEMONIC_CLGI:
	case ZYDIS_MNEMONIC_SKINIT:
	case ZYDIS_MNEMONIC_INVLPGA:
		return INSN_SYS_SVM;
	case ZYDIS_MNEMONIC_HLT:
		return INSN_SYS_HLT;
	case ZYDIS_MNEMONIC_IN:
		return INSN_SYS_IN;
	case ZYDIS_MNEMONIC_OUT:
		return INSN_SYS_OUT;
	case ZYDIS_MNEMONIC_INSB:
	case ZYDIS_MNEMONIC_INSW:
	case ZYDIS_MNEMONIC_INSD:
		return INSN_SYS_INS;
	case ZYDIS_MNEMONIC_OUTSB:
	case ZYDIS_MNEMONIC_OUTSW:
	case ZYDIS_MNEMONIC_OUTSD:
		return INSN_SYS_OUTS;
	case ZYDIS_MNEMONIC_INT:
		return INSN_SYS_INT;
	case ZYDIS_MNEMONIC_INT3:
		return INSN_SYS_INT3;
	case ZYDIS_MNEMONIC_INTO:
		return INSN_SYS_INTO;
	case ZYDIS_MNEMONIC_INT1:
		return INSN_SYS_INT1;
	default:
		return INSN_SYS_NONE;
	}
}

/* LOCK MOV CR0 is CR8, which Zydis does not know: ask it for the instruction without LOCK. */
static bool zydis_decode_locked_cr0(const u8 *bytes, u32 avail, enum insn_mode mode,
				    struct zydis *z)
{
	u8 copy[INSN_MAX_LEN];
	bool locked = false;

	if (avail > sizeof(copy))
		avail = sizeof(copy);
	memcpy(copy, bytes, avail);
	for (u32 i = 0; i < avail && copy[i] != 0x0f; i++) {
		if (copy[i] == 0xf0) {
			copy[i] = 0x3e; /* a prefix that does nothing here */
			locked = true;
		}
	}
	if (!locked || !zydis_decode(copy, avail, mode, z))
		return false;

	enum insn_sys kind = expected_sys(z);

	return (kind == INSN_SYS_MOV_TO_CR && z->op[0].reg.value == ZYDIS_REGISTER_CR0) ||
	       (kind == INSN_SYS_MOV_FROM_CR && z->op[1].reg.value == ZYDIS_REGISTER_CR0);
}

int oracle_system(const u8 *bytes, u32 avail, enum insn_mode mode)
{
	struct zydis z;
	struct insn_system in;
	enum insn_sys kind = INSN_SYS_NONE;
	int err = insn_system(bytes, avail, mode, &in);
	bool locked = false;

	if (zydis_decode(bytes, avail, mode, &z)) {
		kind = expected_sys(&z);
	} else if (zydis_decode_locked_cr0(bytes, avail, mode, &z)) {
		kind = expected_sys(&z);
		locked = true;
	}
	AGREE("system instruction", err == 0, kind != INSN_SYS_NONE);
	if (err)
		return ORACLE_UNKNOWN;

	const ZydisDecodedOperand *mem = NULL;
	u8 reg = INSN_NO_REG;
	u16 size = 0;
	u8 nr = 0;
	u64 repeats = ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE;
	bool string = kind == INSN_SYS_INS || kind == INSN_SYS_OUTS;

	AGREE("kind", in.kind, kind);
	AGREE("length", in.len, z.insn.length);
	switch (kind) {
	case INSN_SYS_MOV_TO_CR:
	case INSN_SYS_MOV_FROM_CR: {
		u8 cr = kind == INSN_SYS_MOV_TO_CR ? 0 : 1;

		nr = (u8)ZydisRegisterGetId(z.op[cr].reg.value);
		if (locked)
			nr = 8;
		reg = reg_number(z.op[!cr].reg.value);
		size = z.op[!cr].size;
		break;
	}
	case INSN_SYS_LMSW:
	case INSN_SYS_SMSW:
		if (z.op[0].type == ZYDIS_OPERAND_TYPE_MEMORY)
			mem = &z.op[0];
		else
			reg = reg_number(z.op[0].reg.value);
		size = kind == INSN_SYS_LMSW ? 16 : z.op[0].size;
		break;
	case INSN_SYS_INVLPG:
		mem = &z.op[0];
		break;
	case INSN_SYS_MOV_SS:
		if (z.op[1].type == ZYDIS_OPERAND_TYPE_MEMORY)
			mem = &z.op[1];
		else
			reg = reg_number(z.op[1].reg.value);
		size = 16;
		break;
	case INSN_SYS_INVPCID:
		reg = reg_number(z.op[0].reg.value);
		size = z.op[0].size;
		mem = &z.op[1];
		break;
	case INSN_SYS_IN:
	case INSN_SYS_OUT: {
		u8 port = kind == INSN_SYS_IN ? 1 : 0;

		if (z.op[port].type == ZYDIS_OPERAND_TYPE_REGISTER)
			reg = reg_number(z.op[port].reg.value);
		else
			nr = (u8)z.op[port].imm.value.u;
		size = z.op[!port].size;
		break;
	}
	case INSN_SYS_INS:
	case INSN_SYS_OUTS:
		mem = &z.op[kind == INSN_SYS_INS ? 0 : 1];
		reg = reg_number(z.op[kind == INSN_SYS_INS ? 1 : 0].reg.value);
		size = mem->size;
		break;
	case INSN_SYS_INT:
		nr = (u8)z.op[0].imm.value.u;
		break;
	default:
		break;
	}
	AGREE("number", in.nr, nr);
	AGREE("register", in.reg, reg);
	AGREE("operand size", in.opsize * 8, size);
	AGREE("repeat", in.rep, string && (z.insn.attributes & repeats));
	return mem && agree_mem(&in.mem, &z, mem, bytes, avail, mode) ? -1 : ORACLE_KNOWN;
}
