/* SPDX-License-Identifier: MIT */
/*
 * What each physical CPU has of its own, reached through GS.
 *
 * The base of GS holds the address of the CPU's struct from desc_init() on. A VM exit on VMX loads
 * it from the VMCS (host GS base: set it to (u64)this_cpu()); SVM leaves the guest's in place until
 * VMLOAD, and keeps NMIs away (GIF=0) until then.
 */
#ifndef ARCH_PERCPU_H
#define ARCH_PERCPU_H

#include "arch/desc.h"
#include "arch/types.h"

#define MAIN_STACK_SIZE KIB(32)
#define IST_STACK_SIZE  KIB(8)

/* The pages named guard are not mapped once map_init() has run; those of parked CPUs are. */
struct cpu_stacks {
	u8 guard0[PAGE_SIZE];
	u8 main[MAIN_STACK_SIZE]; /* linker.ld knows where it ends */
	u8 guard1[PAGE_SIZE];
	u8 df[IST_STACK_SIZE];
	u8 guard2[PAGE_SIZE];
	u8 nmi[IST_STACK_SIZE];
	u8 guard3[PAGE_SIZE];
	u8 mc[IST_STACK_SIZE];
} __attribute__((aligned(PAGE_SIZE)));

struct cpu {
	struct cpu *self; /* at GS:0 */
	/* These two an entry into a guest looks at as one number. */
	volatile u32 nmi_pending; /* one came while the hypervisor ran; who handles it clears it */
	u32 next;                 /* what else the next entry has to do: the backend's */
	u32 id;
	struct cpu_stacks *stacks;
	/* The last steps into the guest, where an NMI would be noticed too late: one that comes at an
	 * instruction in [from, to) has that code go on at retry. All 0: there are none. */
	struct {
		u64 from, to, retry;
	} last_steps[2];
	/* It runs no guest and never will: what comes is counted and otherwise ignored. */
	bool parked;
	u32 parked_nmis, parked_mcs, parked_inits;
	u64 gdt[NR_GDT];
	struct tss tss;
};

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

#endif
