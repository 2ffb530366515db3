/* SPDX-License-Identifier: MIT */
/* The ways a machine ends: the final report, then the real thing. */
#include "guest/chipset/end.h"
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/chipset/power.h"
#include "guest/cpus/park.h"
#include "guest/iommu/iommu.h"
#include "guest/machine/machine.h"
#include "guest/machine/report.h"

void machine_report(struct machine *m)
{
	iommu_poll(m);
	say("guest entry tsc = %lu", m->guest_entry);
	park_report();
	count_filter(&m->vcpu);
	report_counters(&m->vcpu.counters);
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
