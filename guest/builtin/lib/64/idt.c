/* SPDX-License-Identifier: MIT */
/* IDT and TSS of a 64-bit guest kernel, and its exceptions' dump. */
#include "guest/builtin/lib/64/idt.h"
#include "guest/builtin/lib/exception.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/print.h"

#define GATE_INTERRUPT 0x8e
#define TSS_AVAILABLE  0x89

extern const u64 exception_stub[VECTORS + 1];
extern u64 gdt[];
extern const struct table_pointer gdt_pointer;
extern char stack_end[];

static struct gate idt[256] __attribute__((aligned(16)));
static struct tss tss;
static u8 double_fault_stack[4096] __attribute__((aligned(16)));

static void set_gate(u8 vector, u64 entry, u8 type, u8 ist)
{
	idt[vector] = (struct gate){
		.offset0 = (u16)entry,
		.offset1 = (u16)(entry >> 16),
		.offset2 = (u32)(entry >> 32),
		.sel = SEL_CODE,
		.type = type,
		.ist = ist,
	};
}

void exception_set_gate(u8 vector, const void *entry)
{
	set_gate(vector, entry ? (uintptr_t)entry : exception_stub[vector], GATE_INTERRUPT,
		 vector == VEC_DF);
}

void exception_init(void)
{
	struct table_pointer pointer = {sizeof(idt) - 1, (uintptr_t)idt};
	u64 base = (uintptr_t)&tss;

	/* Exceptions from user mode find the kernel below the probe that left it. */
	tss.rsp[0] = (uintptr_t)stack_end - 16384;
	tss.ist[0] = (uintptr_t)double_fault_stack + sizeof(double_fault_stack);
	tss.iomap = sizeof(tss);
	gdt[SEL_TSS / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | (u64)TSS_AVAILABLE << 40 |
			   (base >> 24 & 0xff) << 56;
	gdt[SEL_TSS / 8 + 1] = base >> 32;
	__asm__ volatile("lgdt %0" : : "m"(gdt_pointer));
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));

	for (u32 v = 0; v < VECTORS; v++)
		exception_set_gate((u8)v, NULL);
	set_gate(VECTOR_DONE, exception_stub[VECTORS], GATE_INTERRUPT | GATE_DPL3, 0);
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void exception_dump(const struct frame *f, reg cr2)
{
	print("exception %lu error %lx rip %lx cs %lx rflags %lx rsp %lx\n", f->vector, f->error,
	      f->rip, f->cs, f->rflags, f->rsp);
	print("cr0 %lx cr2 %lx cr3 %lx cr4 %lx efer %lx\n", read_cr0(), cr2, read_cr3(), read_cr4(),
	      rdmsr(MSR_EFER));
	print("rax %lx rbx %lx rcx %lx rdx %lx rsi %lx rdi %lx rbp %lx\n", f->rax, f->rbx, f->rcx,
	      f->rdx, f->rsi, f->rdi, f->rbp);
	print("r8 %lx r9 %lx r10 %lx r11 %lx r12 %lx r13 %lx r14 %lx r15 %lx\n", f->r8, f->r9,
	      f->r10, f->r11, f->r12, f->r13, f->r14, f->r15);
}
