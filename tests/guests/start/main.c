/* SPDX-License-Identifier: MIT */
/* What a guest finds at its start is the machine's: nothing that notrap has left behind. */
#include "arch/cpu.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/test.h"

#define LIMIT_CPUID BIT(22)
#define XD_DISABLE  BIT(34)

static volatile bool faulted;

static bool skip(struct frame *frame)
{
	faulted = true;
	frame->rip += 2;
	return true;
}

/* Firmware's switches in IA32_MISC_ENABLE; not every CPU has it. */
static u64 misc_enable(void)
{
	u32 lo = 0, hi = 0;

	faulted = false;
	__asm__ volatile("rdmsr" : "+a"(lo), "+d"(hi) : "c"(MSR_MISC_ENABLE) : "memory");
	return faulted ? 0 : (u64)hi << 32 | lo;
}

const char *guest_main(void)
{
	u64 misc;

	check(read_cr2() == 0, "CR2 is %lx at the start", read_cr2());
	exception_handle(VEC_GP, skip);
	misc = misc_enable();
	exception_handle(VEC_GP, NULL);
	check(!(misc & (LIMIT_CPUID | XD_DISABLE)), "IA32_MISC_ENABLE is %lx", misc);
	return check_end("start");
}
