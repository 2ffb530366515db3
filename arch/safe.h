/* SPDX-License-Identifier: MIT */
/*
 * Instructions that may raise #GP or #UD, depending on the CPU and on the operand: the exception is
 * taken, and execution goes on behind the instruction (trap_handle() looks into .fixups).
 */
#ifndef ARCH_SAFE_H
#define ARCH_SAFE_H

#include "arch/types.h"

/* What .fixups holds: where it faults, where it goes on. */
struct fixup {
	u64 at, go_on;
};
extern const struct fixup _fixups_start[], _fixups_end[];

#define FIXUP(at, go_on)                  \
	".pushsection .fixups, \"a\"\n\t" \
	".quad " at ", " go_on "\n\t"     \
	".popsection\n\t"

/* Read an MSR. Returns false, and *value = 0, when the CPU does not have it. */
static inline bool rdmsr_safe(u32 msr, u64 *value)
{
	u32 lo = 0, hi = 0;
	bool ok = false;

	__asm__ volatile("1:\n\t"
			 "rdmsr\n\t"
			 "mov $1, %2\n"
			 "2:\n\t" FIXUP("1b", "2b")
			 : "+a"(lo), "+d"(hi), "+q"(ok)
			 : "c"(msr));
	*value = (u64)hi << 32 | lo;
	return ok;
}

#define SAFE_WRITE(insn)                                                             \
	static inline bool insn##_safe(u32 nr, u64 value)                            \
	{                                                                            \
		bool ok = false;                                                     \
                                                                                     \
		__asm__ volatile("1:\n\t" #insn "\n\t"                               \
				 "mov $1, %0\n"                                      \
				 "2:\n\t" FIXUP("1b", "2b")                          \
				 : "+q"(ok)                                          \
				 : "c"(nr), "a"((u32)value), "d"((u32)(value >> 32)) \
				 : "memory");                                        \
		return ok;                                                           \
	}

/* wrmsr_safe(), xsetbv_safe(): write a register. False when the CPU does not have it or refuses the value. */
SAFE_WRITE(wrmsr)
SAFE_WRITE(xsetbv)

#endif
