/* SPDX-License-Identifier: MIT */
/* Descriptor tables: SDM vol. 3A 3.4.5, 6.14, 8.2.3. */
#include "arch/desc.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/percpu.h"
#include "arch/trap.h"

#define DESC_CODE64 0x00209b0000000000 /* P, S, execute/read, accessed, L */
#define DESC_DATA   0x0000930000000000 /* P, S, read/write, accessed */
#define DESC_TSS    0x0000890000000000 /* P, 64-bit TSS, available */
#define GATE_INTR   0x8e00             /* P, DPL 0, 64-bit interrupt gate */

struct gate {
	u16 offset_low;
	u16 sel;
	u16 attr; /* IST in bits 2:0 */
	u16 offset_mid;
	u32 offset_high;
	u32 reserved;
};

/* The same for every CPU, filled by the first. */
static struct gate idt[NR_TRAPS];

static void set_gate(enum vector vector, u64 handler, u16 ist)
{
	idt[vector] = (struct gate){
		.offset_low = (u16)handler,
		.sel = SEL_CODE,
		.attr = GATE_INTR | ist,
		.offset_mid = (u16)(handler >> 16),
		.offset_high = (u32)(handler >> 32),
	};
}

static void fill_idt(void)
{
	for (u32 i = 0; i < NR_TRAPS; i++)
		set_gate(i, trap_stubs[i], 0);
	set_gate(VEC_DF, trap_stubs[VEC_DF], IST_DF);
	set_gate(VEC_NMI, trap_stubs[VEC_NMI], IST_NMI);
	set_gate(VEC_MC, trap_stubs[VEC_MC], IST_MC);
}

static void fill_tss(struct cpu *cpu)
{
	struct tss *tss = &cpu->tss;
	u64 base = (u64)tss;

	tss->ist[IST_DF - 1] = (u64)(cpu->stacks->df + IST_STACK_SIZE);
	tss->ist[IST_NMI - 1] = (u64)(cpu->stacks->nmi + IST_STACK_SIZE);
	tss->ist[IST_MC - 1] = (u64)(cpu->stacks->mc + IST_STACK_SIZE);
	tss->iomap = sizeof(*tss);

	cpu->gdt[SEL_TSS / 8] = DESC_TSS | (sizeof(*tss) - 1) | (base & GENMASK(23, 0)) << 16 |
				(base >> 24 & 0xff) << 56;
	cpu->gdt[SEL_TSS / 8 + 1] = base >> 32;
}

static void load_segments(void)
{
	u64 old;

	__asm__ volatile("mov %1, %%ss\n\t"
			 "mov %1, %%ds\n\t"
			 "mov %1, %%es\n\t"
			 "mov %2, %%fs\n\t"
			 "mov %2, %%gs\n\t"
			 "push %3\n\t"
			 "lea 1f(%%rip), %0\n\t"
			 "push %0\n\t"
			 "lretq\n"
			 "1:"
			 : "=&r"(old)
			 : "r"(SEL_DATA), "r"(0), "i"(SEL_CODE)
			 : "memory");
}

void desc_init(struct cpu *cpu)
{
	struct desc_ptr gdtr = {.limit = sizeof(cpu->gdt) - 1, .base = (u64)cpu->gdt};
	struct desc_ptr idtr = {.limit = sizeof(idt) - 1, .base = (u64)idt};

	cpu->self = cpu;
	cpu->gdt[SEL_CODE / 8] = DESC_CODE64;
	cpu->gdt[SEL_DATA / 8] = DESC_DATA;
	fill_tss(cpu);
	if (idt[0].sel == 0)
		fill_idt();

	lgdt(&gdtr);
	load_segments();
	lldt(0);
	ltr(SEL_TSS);
	lidt(&idtr);
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_GS_BASE, (u64)cpu);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
}
