/* SPDX-License-Identifier: MIT */
/* The guest's registers at its first instruction. */
#include "guest/start/steps.h"

#include "arch/cpu.h"
#include "arch/string.h"
#include "guest/exit/exit.h"

/* SDM vol. 3A 3.4.5. */
#define ATTR_CODE64 0xa09b
#define ATTR_CODE32 0xc09b
#define ATTR_DATA32 0xc093
#define ATTR_TSS    0x008b /* busy: VM entry insists, SDM vol. 3C 27.3.1.2 */

void set_flat_segments(struct vcpu *v, u16 cs, u16 ds, bool long_mode)
{
	struct segment code = {
		.sel = cs, .limit = ~0U, .attr = long_mode ? ATTR_CODE64 : ATTR_CODE32};
	struct segment data = {.sel = ds, .limit = ~0U, .attr = ATTR_DATA32};
	struct segment tss = {.limit = 0x67, .attr = ATTR_TSS};
	struct segment none = {.attr = SEG_ATTR_UNUSABLE};

	for (enum seg seg = SEG_ES; seg <= SEG_GS; seg++)
		v->ops->set_seg(v, seg, seg == SEG_CS ? &code : &data);
	v->ops->set_seg(v, SEG_LDTR, &none);
	v->ops->set_seg(v, SEG_TR, &tss);
}

void vcpu_start(struct vcpu *v, const struct guest_start *start)
{
	struct paging_regs regs = {.cr0 = start->cr0 | CR0_ET,
				   .cr3 = start->cr3,
				   .cr4 = start->cr4,
				   .efer = start->efer};
	struct dtable gdt = {.base = start->gdt_base, .limit = start->gdt_limit};
	struct dtable idt = {.limit = 0};

	set_flat_segments(v, start->cs, start->ds, start->long_mode);
	v->ops->set_dtables(v, &gdt, &idt);
	memset(v->gpr, 0, sizeof(v->gpr));
	v->gpr[RAX] = start->rax;
	v->gpr[RBX] = start->rbx;
	v->gpr[RSI] = start->rsi;
	v->rip = start->rip;
	v->rflags = RFLAGS_FIXED;
	v->ops->set_cr2(v, 0); /* the self-test's last fault is in it */
	load_paging_regs(v, &regs);
}
