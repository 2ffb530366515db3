/* SPDX-License-Identifier: MIT */
/* Descriptor tables: GDT, TSS and IDT of the hypervisor itself. */
#ifndef ARCH_DESC_H
#define ARCH_DESC_H

#include "arch/types.h"

/* Selectors, in the GDT of every CPU. */
#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_TSS  0x18

#define NR_GDT   5 /* null, code, data, TSS in two */

/* Interrupt stacks: an index into the TSS, 1-based. */
#define IST_DF  1
#define IST_NMI 2
#define IST_MC  3

/* 64-bit TSS: SDM vol. 3A figure 8-11. */
struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7]; /* ist[0] is IST1 */
	u64 reserved2;
	u16 reserved3;
	u16 iomap; /* offset from the TSS; past its limit: no map */
} __attribute__((packed));

struct cpu;

/*
 * Load this CPU's GDT, TSS, IDT and segment registers; from here on exceptions are reported.
 *
 * cpu: zeroed but for id and stacks; afterwards this_cpu() returns it.
 */
void desc_init(struct cpu *cpu);

#endif
