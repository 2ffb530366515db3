/* SPDX-License-Identifier: MIT */
/* What every instruction has in common: prefixes, ModRM, SIB, displacement. For this room alone. */
#ifndef GUEST_INSN_PARSE_H
#define GUEST_INSN_PARSE_H

#include "guest/insn/insn.h"

enum { AX, CX, DX, BX, SP, BP, SI, DI };
enum { ES, CS, SS, DS, FS, GS };

enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };

struct insn_parse {
	const u8 *bytes;
	u32 avail; /* never more than INSN_MAX_LEN */
	u32 pos;
	bool overrun; /* a byte at or past avail was wanted, and read as 0 */
	enum insn_mode mode;
	bool opsize_66, lock;
	u8 rep;      /* 0xf2, 0xf3, whichever came last; or 0 */
	u8 rex;      /* 0 without one */
	u8 seg;      /* the override, or INSN_NO_REG */
	u8 opsize;   /* bytes, of an operand that follows the operand size: 2, 4, 8 */
	u8 addrsize; /* bytes */
	u8 mod, reg, rm;
	struct insn_mem mem;
};

/* Start on an instruction: take the prefixes, so that the opcode is next. */
void insn_parse_prefixes(struct insn_parse *p, const u8 *bytes, u32 avail, enum insn_mode mode);

/* Take one byte. Past the end: 0, and p->overrun is set. */
static inline u8 insn_take_byte(struct insn_parse *p)
{
	if (likely(p->pos < p->avail))
		return p->bytes[p->pos++];
	p->overrun = true;
	return 0;
}

/* Take 1, 2, 4 or 8 bytes, in the same way. */
u64 insn_take(struct insn_parse *p, u32 size);
/* The same, sign-extended. */
u64 insn_take_signed(struct insn_parse *p, u32 size);

/*
 * Take ModRM and what it announces. reg and rm come with their REX bit; mem is set when mod is not
 * 3. SDM vol. 2A 2.1.5, 2.2.1.
 */
void insn_parse_modrm(struct insn_parse *p);

/* The operand that string instructions and moffs have: [base + disp] in seg, or in the override. */
struct insn_mem insn_fixed_mem(const struct insn_parse *p, u8 seg, u8 base, u64 disp);

/* p->seg when there is an override, else seg. */
u8 insn_segment(const struct insn_parse *p, u8 seg);

#endif
