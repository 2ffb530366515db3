/* SPDX-License-Identifier: MIT */
/* The parked CPUs: what they and park.c, on the CPU that boots, tell each other. */
#ifndef GUEST_CPUS_AP_H
#define GUEST_CPUS_AP_H

#include "arch/percpu.h"
#include "guest/cpus/smm_base.h"
#include "guest/machine/backend.h"

/* What a parked CPU has of its own. */
struct ap {
	struct cpu_stacks stacks;
	u8 page[PAGE_SIZE]; /* for enable() */
	struct cpu cpu;
	u32 apic_id;
	volatile u32 beats; /* it runs, as long as this grows */
	u8 smm[SMM_ROOM_SIZE] __attribute__((aligned(PAGE_SIZE)));
} __attribute__((aligned(PAGE_SIZE)));

struct aps {
	const struct backend *ops;
	u64 cr0, cr4;
	struct ap *ap, *end; /* `parked` of them are in use, one more is ready */
	volatile u32 parked;
	volatile u32 way; /* of block_init(), that they use */
	volatile bool full, failed;
	volatile bool settled; /* nothing is tried any more: they may halt */
};

extern struct aps aps;

/* Shared with guest/cpus/ap.asm. */
extern const u8 ap_trampoline[], ap_trampoline_cr3[], ap_trampoline_end[];
extern volatile u32 ap_arrived; /* CPUs in long mode, parked or not yet */
extern volatile u32 ap_lock;    /* 1: a CPU is being parked, or none may be any more */
extern u8 *ap_stack_top;        /* the next CPU's */

/*
 * Have a struct ready for the next CPU that comes; false, and `full`, when memory has run out. The room for SMM
 * is left alone: INIT does not change its base, and the CPUs come anew for each way to park them.
 */
bool ap_prepare_next(void);

#endif
