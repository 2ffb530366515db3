/* SPDX-License-Identifier: MIT */
/*
 * How the guest's addresses are translated, chosen once at the start: by shadow tables or by nested paging,
 * guest/vcpu/shadow.c and nested.c. Nobody else asks which of them it is.
 */
#ifndef GUEST_MACHINE_PAGING_H
#define GUEST_MACHINE_PAGING_H

#include "guest/machine/vcpu.h"

/* What the hardware runs with, where the guest reads something else. */
struct hw_regs {
	u64 cr0, cr4, efer;
};

struct paging_ops {
	const char *name; /* for messages */
	u32 info;         /* for the guest: NOTRAP_INFO_NESTED, or 0 */
	u32 phys_bits;    /* what the tables can map */
	/* The CPU walks the guest's own tables: no #PF exits, nor does a change of CR3. */
	bool cpu_walks_guest;
	/* Bytes of the pool that it takes to run a guest with this map. */
	u64 (*memory_size)(const struct memmap *map);
	struct hw_regs (*hw_regs)(const struct vcpu *v, const struct paging_regs *regs);
	/* Take paging registers that the guest's CPU accepts; the backend has the hardware's already. */
	void (*load_regs)(struct vcpu *v, const struct paging_regs *regs);
	/* Take over into v->mmu.regs what the guest has changed without an exit. NULL: nothing is. */
	void (*follow_regs)(struct vcpu *v);
	/* Read the PDPTEs that the CPU holds, after a change that reloads them. False: #GP. */
	bool (*reload_pdptes)(struct vcpu *v, struct paging_regs *regs);
	/* As mmu_translate() and mmu_write(). */
	int (*translate)(struct vcpu *v, struct mmu_fault *fault, u64 *gpa);
	void (*write)(struct vcpu *v, u64 gpa, const void *data, u32 size);
	/* Where gva is in memory, if it is what a write that exited has faulted at. */
	bool (*find_written)(struct vcpu *v, const struct mmu_fault *fault, u64 gva, u64 *gpa);
	/* Check the tables: the number of violations, each said. */
	u32 (*audit)(struct vcpu *v);
};

#endif
