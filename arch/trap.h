/* SPDX-License-Identifier: MIT */
/*
 * Exceptions in the hypervisor itself. It never takes one on purpose but in the few instructions
 * of arch/safe.h: everything else is a crash record on the console, and the end.
 */
#ifndef ARCH_TRAP_H
#define ARCH_TRAP_H

#include "arch/types.h"

#define NR_TRAPS 32

/* As arch/trap.asm pushes it, lowest address first. */
struct trap_frame {
	u64 rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
	u64 vector;
	u64 error; /* 0 where the CPU pushes none */
	u64 rip, cs, rflags, rsp, ss;
};

/* The entry points, by vector. */
extern const u64 trap_stubs[NR_TRAPS];

/* Called by every entry point. Returns only from an NMI, a breakpoint, and where arch/safe.h goes on. */
void trap_handle(struct trap_frame *frame);

#endif
