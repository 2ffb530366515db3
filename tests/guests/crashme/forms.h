/* SPDX-License-Identifier: MIT */
/* The opcodes that general.c chooses from. */
#ifndef CRASHME_FORMS_H
#define CRASHME_FORMS_H

#include "arch/types.h"

enum opcode_map { ONE, MAP_0F, MAP_0F38, MAP_0F3A };

/* What ModRM may be: there is none, any, memory alone, a register alone. */
enum modrm { NO, ANY, MEM, REG };

/* Immediates, by the manual's names; and those that come from lists of general.c's. */
enum immediate { NONE, IB, IZ, MOFFS, IW_IB, PORT, INT_N };

#define ALL 0xff

struct form {
	u8 map, opcode, modrm;
	u8 regs; /* what ModRM.reg may be: a bit each; ALL: it is a register */
	u8 immediate;
};

extern const struct form forms[];
extern const u32 nr_forms;

#endif
