/* SPDX-License-Identifier: MIT */
/* The crash record of a guest that cannot go on, and its end. */
#include "guest/vcpu/crash.h"

#include "arch/console.h"
#include "guest/chipset/end.h"

void guest_dump(struct vcpu *v)
{
	static const char *const names[NR_SEGS] = {"es", "cs", "ss",   "ds",
						   "fs", "gs", "ldtr", "tr"};
	struct dtable gdt, idt;
	struct segment s;

	for (enum seg seg = SEG_ES; seg < NR_SEGS; seg++) {
		v->ops->get_seg(v, seg, &s);
		say("guest: %-4s sel %04x base %lx limit %x attr %05x", names[seg], s.sel, s.base,
		    s.limit, s.attr);
	}
	v->ops->get_dtables(v, &gdt, &idt);
	say("guest: gdtr %lx+%x idtr %lx+%x", gdt.base, gdt.limit, idt.base, idt.limit);
	v->ops->dump(v);
}

void guest_crashed(struct vcpu *v)
{
	console_defer(false);
	guest_dump(v);
	machine_report(v->machine);
	halt();
}

void guest_triple_fault(struct vcpu *v)
{
	fail("the guest ended in a triple fault at rip %lx", v->rip);
	guest_dump(v);
	machine_reset(v->machine);
}
