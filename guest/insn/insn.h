/* SPDX-License-Identifier: MIT */
/*
 * The instructions that notrap carries out or measures in software.
 *
 * A store to a write-protected page table is decoded here, its effect computed, and the caller
 * does the memory access. An instruction that is not known is not an error: the caller has another
 * way. Everything is pure: no globals, no memory accesses but through the arguments.
 *
 * Not done here, the caller's part: segment limits and paging rights (the instruction got as far as
 * its page fault), the single-step trap when RFLAGS.TF is set, and clearing the interrupt shadow.
 */
#ifndef GUEST_INSN_INSN_H
#define GUEST_INSN_INSN_H

#include "arch/types.h"

#define INSN_MAX_LEN 15

/* The size of code that CS.L and CS.D select. */
enum insn_mode { INSN_16, INSN_32, INSN_64 };

/* Registers are numbered as the machine encodes them (enum gpr), segments likewise (enum seg). */
#define INSN_RIP     16
#define INSN_NO_REG  0xff

#define INSN_NR_SEGS 6 /* ES CS SS DS FS GS */

/* A memory operand: seg:[base + index * scale + disp]. */
struct insn_mem {
	s64 disp;
	u8 seg;
	u8 base;     /* a GPR, INSN_RIP or INSN_NO_REG */
	u8 index;    /* a GPR or INSN_NO_REG */
	u8 scale;    /* 1, 2, 4, 8 */
	u8 addrsize; /* bytes: 2, 4, 8 */
	bool mode64;
};

/* Stores that do not look at the old value come first: insn_reads() counts on it. */
enum insn_op {
	INSN_NONE,
	INSN_MOV, /* and MOVNTI */
	INSN_STOS,
	INSN_MOVS,
	INSN_XCHG,
	INSN_XADD,
	INSN_CMPXCHG,
	INSN_CMPXCHG_PAIR, /* CMPXCHG8B, CMPXCHG16B */
	INSN_ADD,
	INSN_OR,
	INSN_ADC,
	INSN_SBB,
	INSN_AND,
	INSN_SUB,
	INSN_XOR,
	INSN_INC,
	INSN_DEC,
	INSN_NOT,
	INSN_NEG,
	INSN_BTS,
	INSN_BTR,
	INSN_BTC,
};

/* An instruction whose destination is memory. */
struct insn {
	enum insn_op op;
	u8 len;         /* bytes */
	u8 opsize;      /* bytes of the memory operand: 1, 2, 4, 8, 16 */
	u8 reg;         /* the register operand, or INSN_NO_REG: imm, or none */
	bool high_byte; /* reg is bits 15:8 of that register: AH, CH, DH, BH */
	bool rep;       /* STOS, MOVS: repeat rCX times */
	bool lock;
	u64 imm;             /* sign-extended */
	struct insn_mem mem; /* where it stores */
	struct insn_mem src; /* MOVS: where it loads from */
};

/* What an instruction does, computed and not yet done. */
struct insn_effect {
	bool write;   /* false: memory keeps its value */
	u8 gprs;      /* how many registers change */
	u8 gpr_nr[3]; /* which */
	u64 gpr[3];   /* their values, all 64 bits */
	u64 value[2]; /* what is stored: opsize bytes, low half first, zero above */
	u64 rflags;
	u64 rip;
};

/*
 * Decode one instruction that stores to memory (SDM vol. 2A ch. 2, APM vol. 3 ch. 1): MOV, MOVNTI,
 * STOS, MOVS, XCHG, XADD, CMPXCHG, CMPXCHG8B/16B, ADD, OR, ADC, SBB, AND, SUB, XOR, INC, DEC, NOT,
 * NEG, BTS, BTR, BTC with a memory destination.
 *
 * bytes: the code at RIP; never read at or past bytes[avail].
 * Returns 0; or -1, and *out is meaningless: some other instruction, an undefined one, or one that
 * does not end within avail bytes.
 */
int insn_decode(const u8 *bytes, u32 avail, enum insn_mode mode, struct insn *out);

/*
 * The linear address of a memory operand, as the registers are before the instruction (SDM vol. 1
 * 3.7.5, vol. 3A 3.4; APM vol. 1 2.2): wraps at the address size and, outside 64-bit code, at 4G.
 *
 * seg_base: ES CS SS DS FS GS; 64-bit code uses those of FS and GS alone.
 * rip_next: the offset, not the address, of the instruction after.
 */
u64 insn_mem_gva(const struct insn_mem *mem, const u64 gpr[16], const u64 seg_base[INSN_NR_SEGS],
		 u64 rip_next);

/* The same for 64-bit code, addresses of 8 bytes, and a segment whose base is 0. */
static inline u64 insn_mem_flat(const struct insn_mem *mem, const u64 gpr[16], u64 rip_next)
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

/*
 * The linear address that the instruction stores opsize bytes at. BTS, BTR and BTC with the bit in
 * a register reach beyond their operand: that is taken into account. rip: the instruction's own.
 */
u64 insn_gva(const struct insn *in, const u64 gpr[16], const u64 seg_base[INSN_NR_SEGS], u64 rip);

/*
 * Compute what the instruction does. Nothing is changed; insn_commit() changes the registers once
 * the caller has stored effect->value (when effect->write says so).
 *
 * old: the memory operand's value (ignored unless insn_reads()). src: for MOVS the value loaded.
 * A repeated string instruction does one element, and RIP stays until the last is done; with
 * rCX = 0 it does none. Flags that the manuals leave undefined keep their value, but AF after
 * AND, OR and XOR is cleared. A CMPXCHG that finds another value does not write, but the caller
 * must have checked the right to write all the same. CMPXCHG16B off its 16-byte boundary is #GP:
 * it does not come as far as a page fault, and is not looked for here.
 */
void insn_run(const struct insn *in, const u64 gpr[16], u64 rflags, u64 rip, const u64 old[2],
	      u64 src, struct insn_effect *effect);

/* The destination's old value is an operand. */
static inline bool insn_reads(const struct insn *in)
{
	return in->op >= INSN_XCHG;
}

/* No other CPU may write the destination between the load and the store. */
static inline bool insn_is_atomic(const struct insn *in)
{
	return in->lock || in->op == INSN_XCHG;
}

static inline void insn_commit(const struct insn_effect *effect, u64 gpr[16], u64 *rflags, u64 *rip)
{
	for (u32 i = 0; i < effect->gprs; i++)
		gpr[effect->gpr_nr[i]] = effect->gpr[i];
	*rflags = effect->rflags;
	*rip = effect->rip;
}

/* Instructions that the hypervisor intercepts or looks at, for CPUs that do not tell their operands. */
enum insn_sys {
	INSN_SYS_NONE,
	INSN_SYS_MOV_TO_CR,   /* .nr = .reg */
	INSN_SYS_MOV_FROM_CR, /* .reg = .nr */
	INSN_SYS_CLTS,
	INSN_SYS_LMSW,    /* .reg or .mem, 2 bytes */
	INSN_SYS_SMSW,    /* likewise; a register gets .opsize bytes */
	INSN_SYS_INVLPG,  /* .mem */
	INSN_SYS_INVPCID, /* .reg: type, .mem: descriptor */
	INSN_SYS_INVD,
	INSN_SYS_CPUID,
	INSN_SYS_RDMSR,
	INSN_SYS_WRMSR,
	INSN_SYS_XSETBV,
	INSN_SYS_VMMCALL,
	INSN_SYS_SVM, /* the others of SVM's: VMRUN, VMLOAD, VMSAVE, STGI, CLGI, SKINIT, INVLPGA */
	INSN_SYS_HLT,
	INSN_SYS_IN,   /* port: .nr, or DX when .reg is RDX; .opsize bytes */
	INSN_SYS_OUT,  /* likewise */
	INSN_SYS_INS,  /* port: DX; .mem, .opsize, .rep */
	INSN_SYS_OUTS, /* likewise */
	INSN_SYS_INT,  /* .nr: vector */
	INSN_SYS_INT3,
	INSN_SYS_INTO,
	INSN_SYS_INT1,
	INSN_SYS_MOV_SS, /* .mem, 2 bytes, or .reg */
};

struct insn_system {
	enum insn_sys kind;
	u8 len;    /* bytes */
	u8 nr;     /* control register, port or vector */
	u8 reg;    /* GPR, or INSN_NO_REG: the operand is mem, or there is none */
	u8 opsize; /* bytes */
	bool rep;
	bool locked;         /* LOCK came first, which none of them may have: it is not decoded */
	struct insn_mem mem; /* valid where the kind says so and reg does not stand for it */
};

/*
 * Decode one of the instructions of enum insn_sys (SDM vol. 2, APM vol. 3 ch. 4). LOCK MOV CR0 is
 * AMD's name for CR8.
 *
 * bytes, avail and the value returned are as for insn_decode().
 */
int insn_system(const u8 *bytes, u32 avail, enum insn_mode mode, struct insn_system *out);

#endif
