/* SPDX-License-Identifier: MIT */
/* The bytes of a stream's instructions. */
#include "tests/guests/crashme/crashme.h"

#define REX_W  0x48
#define MOV_RI 0xb8 /* MOV register, immediate: the register is in the low bits */
#define SIB_SP 0x24 /* [RSP], no index */

static u8 *at, *begin;

void emit_start(u8 *code, u32 offset)
{
	begin = code;
	at = code + offset;
	stream.nr_starts = 0;
}

u8 *emit_at(void)
{
	return at;
}

void insn(void)
{
	stream.starts[stream.nr_starts++] = CODE_VA + (u64)(at - begin);
}

void emit8(u64 value)
{
	*at++ = (u8)value;
}

void emit(u64 value, u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		emit8(value >> (8 * i));
}

static u8 random_prefix(void)
{
	/* Operand size, address size, REPNE, REP, LOCK, CS, SS, DS, ES, FS, GS. */
	static const u8 prefixes[] = {0x66, 0x66, 0x66, 0x67, 0xf2, 0xf3, 0xf3, 0xf0,
				      0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65};

	return prefixes[pick(ARRAY_SIZE(prefixes))];
}

void emit_prefix(void)
{
	emit8(random_prefix());
}

void emit_wide(u8 prefix)
{
	if (stream.code16)
		emit8(prefix);
}

bool emit_prefixes(void)
{
	/* Many of them make an instruction longer than 15 bytes. */
	u32 n = pick(10) < 6 ? 0 : pick(30) ? 1 + pick(2) : 7 + pick(7);
	bool opsize = false;

	if (stream.code16 && pick(8))
		emit8(ADSIZE);
	if (stream.code16 && pick(2)) {
		emit8(OPSIZE);
		opsize = true;
	}
	for (u32 i = 0; i < n; i++) {
		u8 p = random_prefix();

		/* 16-bit addresses lead to no window. */
		if (p == ADSIZE && stream.compat && pick(4))
			p = OPSIZE;
		opsize |= p == OPSIZE;
		emit8(p);
	}
	return opsize != stream.code16;
}

void emit_modrm_register(u8 reg, u8 rm)
{
	emit8(0xc0 | (reg & 7) << 3 | (rm & 7));
}

void emit_modrm_memory(u8 reg, u8 base, u32 disp)
{
	/* RBP and R13 have no form without a displacement. */
	u8 mod = disp == 0 && (base & 7) != BP ? 0 : disp < 128 ? 1 : 2;

	emit8(mod << 6 | (reg & 7) << 3 | (base & 7));
	if ((base & 7) == SP)
		emit8(SIB_SP);
	emit(disp, mod == 1 ? 1 : mod == 2 ? 4 : 0);
}

void mov_eax(u64 value)
{
	insn();
	emit_wide(OPSIZE);
	emit8(MOV_RI + AX);
	emit(value, 4);
}

void mov_register(u8 nr, u64 value)
{
	insn();
	if (!stream.compat)
		emit8(REX_W);
	emit_wide(OPSIZE);
	emit8(MOV_RI + nr);
	emit(value, stream.compat ? 4 : 8);
}

void op(const char *code, u32 bytes)
{
	insn();
	if (!pick(4))
		emit_prefixes();
	for (u32 i = 0; i < bytes; i++)
		emit8((u8)code[i]);
}
