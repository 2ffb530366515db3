/* SPDX-License-Identifier: MIT */
/* Crashes on purpose: build with CPPFLAGS=-DSELFCRASH=crash_<name> for one of those below. */
#include "boot/selfcrash.h"
#include "arch/console.h"
#include "arch/insn.h"
#include "arch/percpu.h"
#include "arch/safe.h"
#include "arch/symbols.h"

#ifdef SELFCRASH

/* A write to the image's own code. */
__attribute__((unused)) static void crash_text(void)
{
	*(volatile u8 *)(u64)_image_start = 0;
}

/* Address 0, which the entry code had mapped. */
__attribute__((unused)) static void crash_null(void)
{
	*(volatile u8 *)0x10 = 0;
}

/* Executing data. */
__attribute__((unused)) static void crash_data(void)
{
	((void (*)(void))(u64)this_cpu())();
}

__attribute__((unused)) static void crash_ud(void)
{
	__asm__ volatile("ud2");
}

/* An MSR that no CPU has: first the way that goes on, then the one that does not. */
__attribute__((unused)) static void crash_gp(void)
{
	u64 value;

	say("rdmsr_safe of a missing MSR says %d", rdmsr_safe(0x12345678, &value));
	rdmsr(0x12345678);
}

/* The stack runs into its guard: #PF that cannot be delivered, so #DF on its own stack. */
__attribute__((unused, noinline)) static u64 crash_stack(void)
{
	volatile u64 room[64];

	room[0] = rdtsc();
	return room[0] == 1 ? 0 : crash_stack() + room[0];
}

/* An NMI is noted, and is no crash. */
__attribute__((unused)) static void crash_nmi(void)
{
	__asm__ volatile("int $2");
	say("nmi_pending is %u", this_cpu()->nmi_pending);
	halt();
}

void selfcrash(void)
{
	SELFCRASH();
}

#else

void selfcrash(void)
{
}

#endif
