/* SPDX-License-Identifier: MIT */
/* INIT and start-up IPIs of the guest's, dropped. */
#include "guest/ipi.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/backend.h"
#include "guest/watch.h"

/* A write anywhere behind the APIC's own page, or to its first register, is an MSI on QEMU. */
#define MSI_SPACE     MIB(1)
#define APIC_FIRST    0x10
#define APIC_ICR_LOW  0x300
#define MSR_ICR       (MSR_X2APIC_FIRST + APIC_ICR_LOW / 16)

#define DELIVERY(cmd) ((cmd) >> 8 & 7)
enum { DELIVER_INIT = 5, DELIVER_STARTUP = 6 };

int ipi_watch(struct machine *machine)
{
	machine->ipi_base = rdmsr(MSR_APIC_BASE) & GENMASK(51, 12);
	return watch_memory(machine, machine->ipi_base, machine->ipi_base + MSI_SPACE);
}

void ipi_intercept(struct vcpu *v)
{
	if (ipi_is_watched(v->machine))
		v->ops->intercept_msr(v, MSR_ICR, false, true);
}

bool ipi_starts_or_resets(u32 command)
{
	return DELIVERY(command) == DELIVER_INIT || DELIVERY(command) == DELIVER_STARTUP;
}

static void say_dropped(struct machine *machine, u32 command)
{
	if (!machine->ipi_said)
		say("the guest sends INIT or a start-up IPI (%x): dropped", command);
	machine->ipi_said = true;
}

bool ipi_write_is_dropped(struct machine *machine, u64 gpa, u32 value, u32 size)
{
	u64 offset = gpa - machine->ipi_base;
	bool icr = offset + size > APIC_ICR_LOW && offset < APIC_ICR_LOW + 4;
	bool msi = offset < APIC_FIRST || offset >= PAGE_SIZE;

	if (!ipi_is_watched(machine) || offset >= MSI_SPACE || !(icr || msi))
		return false;
	/* A part of the register is no command that the manual defines. */
	if (size == 4 && !(gpa & 3) && !ipi_starts_or_resets(value))
		return false;
	say_dropped(machine, value);
	return true;
}

bool ipi_msr_is_dropped(struct machine *machine, u32 msr, u64 value)
{
	if (!ipi_is_watched(machine) || msr != MSR_ICR || !ipi_starts_or_resets((u32)value))
		return false;
	say_dropped(machine, (u32)value);
	return true;
}
