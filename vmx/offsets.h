/* SPDX-License-Identifier: MIT */
/*
 * What entry.asm knows of structures, as NASM's constants: the Makefile compiles this alone, to assembly, and takes each
 * line with an arrow.
 */
#include "guest/machine/vcpu.h"

#define CONSTANT(name, value) __asm__ volatile(".ascii \"-> " #name " %c0\"" : : "i"(value))

void offsets(void);

void offsets(void)
{
	CONSTANT(VCPU_EXITS, offsetof(struct vcpu, counters.value[CNT_exits]));
	CONSTANT(VCPU_EXITS_CR_READ, offsetof(struct vcpu, counters.value[CNT_exits_cr_read]));
	CONSTANT(VCPU_LANES_UNTIL, offsetof(struct vcpu, lanes_until));
	CONSTANT(VCPU_CR3, offsetof(struct vcpu, mmu.regs.cr3));
}
