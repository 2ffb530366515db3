/* SPDX-License-Identifier: MIT */
/* IDT and TSS of a 32-bit guest kernel, and its exceptions' dump. */
#include "guest/builtin/lib/exception.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/print.h"

struct gate {
	u16 offset0, sel;
	u8 zero, type;
	u16 offset1;
};

struct tss {
	u32 link, esp0, ss0, rest[22];
	u16 trap, iomap;
};

struct __attribute__((packed)) table_pointer {
	u16 limit;
	u32 base;
};

#define GATE_INTERRUPT 0x8e
#define GATE_DPL3      0x60
#define TSS_AVAILABLE  0x89

extern const u32 exception_stub[VECTORS + 1];
extern u64 gdt[];
extern char stack_end[];

static struct gate idt[256] __attribute__((aligned(16)));
static struct tss tss;

static void set_gate(u8 vector, u32 entry, u8 type)
{
	idt[vector] = (struct gate){
		.offset0 = (u16)entry,
		.offset1 = (u16)(entry >> 16),
		.sel = SEL_CODE,
		.type = type,
	};
}

void exception_set_gate(u8 vector, const void *entry)
{
	set_gate(vector, entry ? (u32)entry : exception_stub[vector], GATE_INTERRUPT);
}

void exception_init(void)
{
	struct table_pointer pointer = {sizeof(idt) - 1, (u32)idt};
	u64 base = (u32)&tss;

	/* Exceptions from user mode find the kernel below the probe that left it. */
	tss.esp0 = (u32)stack_end - 16384;
	tss.ss0 = SEL_DATA;
	tss.iomap = sizeof(tss);
	gdt[SEL_TSS / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | (u64)TSS_AVAILABLE << 40 |
			   (base >> 24 & 0xff) << 56;
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));

	for (u32 v = 0; v < VECTORS; v++)
		exception_set_gate((u8)v, NULL);
	set_gate(VECTOR_DONE, exception_stub[VECTORS], GATE_INTERRUPT | GATE_DPL3);
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void exception_dump(const struct frame *f, reg cr2)
{
	print("exception %lu error %lx eip %lx cs %lx eflags %lx\n", f->vector, f->error, f->eip,
	      f->cs, f->eflags);
	print("cr0 %lx cr2 %lx cr3 %lx cr4 %lx efer %llx\n", read_cr0(), cr2, read_cr3(),
	      read_cr4(), rdmsr(MSR_EFER));
	print("eax %lx ebx %lx ecx %lx edx %lx esi %lx edi %lx ebp %lx\n", f->eax, f->ebx, f->ecx,
	      f->edx, f->esi, f->edi, f->ebp);
}
