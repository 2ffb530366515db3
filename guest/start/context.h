/* SPDX-License-Identifier: MIT */
/*
 * The guest of the boot self-tests: one page that holds code, a stack, a GDT, and an IDT whose only
 * gate is #PF's. Everything else raises a triple fault, VMEXIT_SHUTDOWN.
 */
#ifndef GUEST_START_CONTEXT_H
#define GUEST_START_CONTEXT_H

#include "guest/machine/vcpu.h"

/* Linear addresses: the page, and the code in it that context_run() starts at. */
#define CONTEXT_GVA      0x1000
#define CONTEXT_CODE_GVA CONTEXT_GVA

/* What EAX holds at the CPUID exit when the guest's own #PF handler ran; ECX: the error code, RDX: CR2. */
#define CONTEXT_FAULT_SEEN 0x5eed

/* In the table of each level, the entry that tests may fill; 0 at first. */
#define CONTEXT_SLOT 2

struct context_regs {
	u64 rax, rbx, rcx, rdx;
};

/*
 * Fresh tables of this format with `top` levels (PAE: 3), without code; the virtual CPU in 64-bit or
 * protected mode on them, at privilege level 0. The backend is enabled and set up; its filter is
 * PF_FILTER_PRESENT where it has that.
 */
void context_init(struct vcpu *v, enum spte_format format, int top);

/* After context_init() with 64-bit tables: the code runs at privilege level 3, its handler at 0. */
void context_user(struct vcpu *v);

/* The code to run, of at most 128 bytes. What follows an exit is not run. */
void context_code(const u8 *code, u32 size);

/* Flush, and run the code until the first exit, which is in *exit then, as the registers are in v. */
void context_run(struct vcpu *v, const struct context_regs *regs, struct vmexit *exit);

/* The entry CONTEXT_SLOT of this level's table; the physical address of a table of zeros. */
u64 *context_entry(int level);
u64 context_empty_table(void);

#endif
