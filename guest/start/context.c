/* SPDX-License-Identifier: MIT */
/* A guest of one page: its code, its tables, and a handler of page faults. */
#include "guest/start/context.h"

#include "arch/cpu.h"
#include "arch/string.h"
#include "guest/machine/backend.h"
#include "guest/start/steps.h"
#include "mm/phys/phys.h"

struct context {
	u64 table[PAGING_LEVELS][512] __attribute__((aligned(PAGE_SIZE))); /* [1] to [5] */
	u64 empty[TABLE_ENTRIES];
	u8 page[PAGE_SIZE];
};

static struct context context;

/* Linear addresses beside those of the header. */
#define FAULT_GVA (CONTEXT_GVA + 0x080)
#define IDT_GVA   (CONTEXT_GVA + 0x800)
#define GDT_GVA   (CONTEXT_GVA + 0x900)
#define TSS_GVA   (CONTEXT_GVA + 0xa00)
#define STACK_GVA (CONTEXT_GVA + 0xff0)

#define TEST_CS   0x08
#define TEST_DS   0x10

/* The same bytes do in 32-bit and in 64-bit mode; CPUID exits on every CPU. */
static const u8 fault_code[] = {
	0x59,                         /* pop rcx: the error code */
	0x0f, 0x20, 0xd2,             /* mov rdx, cr2 */
	0xb8, 0xed, 0x5e, 0x00, 0x00, /* mov eax, CONTEXT_FAULT_SEEN */
	0x0f, 0xa2,                   /* cpuid */
};

static void init_memory(enum spte_format format, int top)
{
	u64 *idt = (u64 *)&context.page[IDT_GVA - CONTEXT_GVA];
	u64 *gdt = (u64 *)&context.page[GDT_GVA - CONTEXT_GVA];
	/* An interrupt gate, present, DPL 0: SDM vol. 3A 6.11, 6.14.1. Offsets fit in 16 bits. */
	u64 gate = 0x8e0000000000 | TEST_CS << 16 | FAULT_GVA;

	memset(&context, 0, sizeof(context));
	memcpy(&context.page[FAULT_GVA - CONTEXT_GVA], fault_code, sizeof(fault_code));
	idt[format == SPTE_FORMAT_64 ? 2 * VEC_PF : VEC_PF] = gate;
	gdt[TEST_CS / 8] = format == SPTE_FORMAT_64 ? 0x00af9b000000ffff : 0x00cf9b000000ffff;
	gdt[TEST_DS / 8] = 0x00cf93000000ffff;

	for (int level = top; level > 1; level--)
		context.table[level][0] = phys_addr(context.table[level - 1]) | PTE_P;
	/* PAE PDPTEs have no W bit: SDM vol. 3A table 4-8. */
	for (int level = format == SPTE_FORMAT_64 ? top : 2; level > 1; level--)
		context.table[level][0] |= PTE_W | PTE_U;
	context.table[1][1] = phys_addr(context.page) | PTE_P | PTE_W | PTE_U;
}

static void init_vcpu(struct vcpu *v, enum spte_format format, int top)
{
	const struct backend *ops = v->ops;
	struct dtable gdt = {.base = GDT_GVA, .limit = 3 * 8 - 1};
	struct dtable idt = {.base = IDT_GVA, .limit = 16 * 16 - 1};
	u64 cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	u64 cr4 = CR4_PAE | (top == 5 ? CR4_LA57 : 0);

	set_flat_segments(v, TEST_CS, TEST_DS, format == SPTE_FORMAT_64);
	ops->set_dtables(v, &gdt, &idt);
	ops->set_cr(v, 0, cr0, cr0);
	ops->set_cr(v, 4, cr4, cr4);
	ops->set_efer(v, format == SPTE_FORMAT_64 ? EFER_LME | EFER_LMA : 0);
	ops->set_root(v, phys_addr(context.table[top]));
	ops->set_pf_filter(v, ops->can_filter_pf ? PF_FILTER_PRESENT : PF_FILTER_ALL);
	ops->set_invlpg_exiting(v, false);
}

void context_init(struct vcpu *v, enum spte_format format, int top)
{
	init_memory(format, top);
	init_vcpu(v, format, top);
}

void context_user(struct vcpu *v)
{
	/* SDM vol. 3A 3.4.5: 64-bit code and data, DPL 3. */
	struct segment code = {.sel = TEST_CS | 3, .limit = ~0U, .attr = 0xa0fb};
	struct segment data = {.sel = TEST_DS | 3, .limit = ~0U, .attr = 0xc0f3};
	struct segment tss;
	u64 stack = STACK_GVA;

	for (enum seg seg = SEG_ES; seg <= SEG_GS; seg++)
		v->ops->set_seg(v, seg, seg == SEG_CS ? &code : &data);
	v->ops->get_seg(v, SEG_TR, &tss);
	tss.base = TSS_GVA;
	v->ops->set_seg(v, SEG_TR, &tss);
	/* RSP0: SDM vol. 3A figure 8-11. */
	memcpy(&context.page[TSS_GVA - CONTEXT_GVA + 4], &stack, sizeof(stack));
}

void context_code(const u8 *code, u32 size)
{
	memcpy(&context.page[CONTEXT_CODE_GVA - CONTEXT_GVA], code, size);
}

u64 *context_entry(int level)
{
	return &context.table[level][CONTEXT_SLOT];
}

u64 context_empty_table(void)
{
	return phys_addr(context.empty);
}

void context_run(struct vcpu *v, const struct context_regs *regs, struct vmexit *exit)
{
	v->ops->flush_all(v);
	/* Interrupts are off in there, but another backend may exit for them all the same. */
	do {
		v->gpr[RAX] = regs->rax;
		v->gpr[RBX] = regs->rbx;
		v->gpr[RCX] = regs->rcx;
		v->gpr[RDX] = regs->rdx;
		v->gpr[RSP] = STACK_GVA;
		v->rip = CONTEXT_CODE_GVA;
		v->rflags = RFLAGS_FIXED;
		v->probe_exit = exit;
		v->ops->run(v);
		v->probe_exit = NULL;
	} while (exit->kind == VMEXIT_INTR || exit->kind == VMEXIT_NMI);
}
