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

/* Write an MSR. Returns false when the CPU does not have it or refuses the value. */
static inline bool wrmsr_safe(u32 msr, u64 value)
{
	bool ok = false;

	__asm__ volatile("1:\n\t"
			 "wrmsr\n\t"
			 "mov $1, %0\n"
			 "2:\n\t" FIXUP("1b", "2b")
			 : "+q"(ok)
			 : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32))
			 : "memory");
	return ok;
}

/* Write an extended control register. Returns false when the CPU refuses it. */
static inline bool xsetbv_safe(u32 nr, u64 value)
{
	bool ok = false;

	__asm__ volatile("1:\n\t"
			 "xsetbv\n\t"
			 "mov $1, %0\n"
			 "2:\n\t" FIXUP("1b", "2b")
			 : "+q"(ok)
			 : "c"(nr), "a"((u32)value), "d"((u32)(value >> 32)));
	return ok;
}

#endif
