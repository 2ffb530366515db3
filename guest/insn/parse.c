/* SPDX-License-Identifier: MIT */
/* Prefixes and the addressing forms of 16-, 32- and 64-bit code. */
#include "guest/insn/parse.h"

u64 insn_take(struct insn_parse *p, u32 size)
{
	u64 value = 0;

	for (u32 bit = 0; bit < 8 * size; bit += 8)
		value |= (u64)insn_take_byte(p) << bit;
	return value;
}

u64 insn_take_signed(struct insn_parse *p, u32 size)
{
	u64 sign = BIT(8 * size - 1);

	return (insn_take(p, size) ^ sign) - sign;
}

u8 insn_segment(const struct insn_parse *p, u8 seg)
{
	return p->seg == INSN_NO_REG ? seg : p->seg;
}

/* 64-bit code has no overrides but FS and GS; the others are taken and mean nothing. */
static bool take_prefix(struct insn_parse *p, u8 byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		if (p->mode != INSN_64)
			p->seg = byte >> 3 & 3;
		return true;
	case 0x64:
	case 0x65:
		p->seg = FS + (byte & 1);
		return true;
	case 0x66:
		p->opsize_66 = true;
		return true;
	case 0x67:
		p->addrsize = p->mode == INSN_32 ? 2 : 4;
		return true;
	case 0xf0:
		p->lock = true;
		return true;
	case 0xf2:
	case 0xf3:
		p->rep = byte;
		return true;
	default:
		return false;
	}
}

void insn_parse_prefixes(struct insn_parse *p, const u8 *bytes, u32 avail, enum insn_mode mode)
{
	*p = (struct insn_parse){
		.bytes = bytes,
		.avail = avail < INSN_MAX_LEN ? avail : INSN_MAX_LEN,
		.mode = mode,
		.seg = INSN_NO_REG,
		.addrsize = 2 << mode,
	};

	for (; p->pos < p->avail; p->pos++) {
		u8 byte = bytes[p->pos];

		if (mode == INSN_64 && (byte & 0xf0) == 0x40)
			p->rex = byte;
		else if (take_prefix(p, byte))
			p->rex = 0; /* REX counts only right before the opcode */
		else
			break;
	}

	if (p->rex & REX_W)
		p->opsize = 8;
	else
		p->opsize = (mode == INSN_16) != p->opsize_66 ? 2 : 4;
}

struct insn_mem insn_fixed_mem(const struct insn_parse *p, u8 seg, u8 base, u64 disp)
{
	return (struct insn_mem){
		.disp = (s64)disp,
		.seg = seg,
		.base = base,
		.index = INSN_NO_REG,
		.scale = 1,
		.addrsize = p->addrsize,
		.mode64 = p->mode == INSN_64,
	};
}

/* SDM vol. 2A table 2-1. */
static void parse_mem16(struct insn_parse *p, struct insn_mem *mem)
{
	static const u8 base[8] = {BX, BX, BP, BP, SI, DI, BP, BX};
	static const u8 index[4] = {SI, DI, SI, DI};

	mem->base = base[p->rm];
	if (p->rm < 4)
		mem->index = index[p->rm];
	if (p->mod == 0 && p->rm == 6)
		mem->base = INSN_NO_REG;

	if (p->mod == 1)
		mem->disp = (s64)insn_take_signed(p, 1);
	else if (p->mod == 2 || mem->base == INSN_NO_REG)
		mem->disp = (s64)insn_take_signed(p, 2);
}

/* SDM vol. 2A tables 2-2, 2-3 and, for what REX adds, 2-5 and 2-7. */
static void parse_mem32(struct insn_parse *p, struct insn_mem *mem)
{
	mem->base = p->rm;

	if (p->rm == SP) {
		u8 sib = insn_take_byte(p);

		mem->base = sib & 7;
		mem->index = (sib >> 3 & 7) | (p->rex & REX_X ? 8 : 0);
		mem->scale = (u8)(1 << (sib >> 6));
		if (mem->index == SP) /* no index: the scale means nothing */
			mem->index = INSN_NO_REG, mem->scale = 1;
	}

	if (p->mod == 0 && mem->base == BP)
		mem->base = p->rm == BP && p->mode == INSN_64 ? INSN_RIP : INSN_NO_REG;
	else if (p->rex & REX_B)
		mem->base |= 8;

	if (p->mod == 1)
		mem->disp = (s64)insn_take_signed(p, 1);
	else if (p->mod == 2 || mem->base >= INSN_RIP)
		mem->disp = (s64)insn_take_signed(p, 4);
}

void insn_parse_modrm(struct insn_parse *p)
{
	u8 modrm = insn_take_byte(p);

	p->mod = modrm >> 6;
	p->reg = modrm >> 3 & 7;
	p->rm = modrm & 7;

	if (p->mod != 3) {
		p->mem = insn_fixed_mem(p, DS, INSN_NO_REG, 0);
		if (p->addrsize == 2)
			parse_mem16(p, &p->mem);
		else
			parse_mem32(p, &p->mem);
		p->mem.seg = insn_segment(p, p->mem.base == SP || p->mem.base == BP ? SS : DS);
	}
	p->reg |= p->rex & REX_R ? 8 : 0;
	p->rm |= p->rex & REX_B ? 8 : 0;
}
