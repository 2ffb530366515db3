/* SPDX-License-Identifier: MIT */
/* The ways a machine ends: the final report, then the real thing. */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/exits.h"
#include "guest/power.h"
#include "guest/report.h"
#include "guest/smp.h"

void machine_report(struct machine *m)
{
	iommu_poll(m);
	say("guest entry tsc = %lu", m->guest_entry);
	smp_report();
	report_counters(&m->vcpu.counters);
}

bool machine_may_say(struct machine *machine, enum guest_line what)
{
	if (machine->lines_said[what] >= GUEST_LINES_MAX)
		return false;
	machine->lines_said[what]++;
	return true;
}

void machine_last_words(struct machine *machine, const char *what)
{
	console_defer(false);
	machine_report(machine);
	say("%s", what);
	console_defer(true);
}

void machine_soft_off(const struct acpi_power *p)
{
	if (p->s5_known && p->pm1a_cnt)
		out16(p->pm1a_cnt,
		      (u16)(in16(p->pm1a_cnt) & 1) | p->s5_typ_a << PM1_SLP_TYP_SHIFT | PM1_SLP_EN);
	if (p->s5_known && p->pm1b_cnt)
		out16(p->pm1b_cnt, (u16)p->s5_typ_b << PM1_SLP_TYP_SHIFT | PM1_SLP_EN);
	/* It takes the hardware a moment. */
	for (;;)
		cpu_hlt();
}

void machine_power_off(struct machine *machine)
{
	const struct acpi_power *p = &machine->power;

	if (!p->pm1a_cnt || !p->s5_known) {
		machine_report(machine);
		fail("the firmware's ACPI tables do not tell how to switch this machine off: do it by hand");
		halt();
	}
	machine_last_words(machine, "powering off");
	machine_soft_off(p);
}

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
