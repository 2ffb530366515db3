/* SPDX-License-Identifier: MIT */
/*
 * The HPET's timers may send their interrupt as a message: a word that the device writes to an address, on
 * QEMU past every IOMMU, and to any that the guest names. Here it is an interrupt's or none, as that address
 * is to be (IA-PC HPET specification 1.0a, 2.3.9; SDM vol. 3A 11.11.1). Elsewhere an IOMMU looks at it as at
 * any device.
 */
#include "arch/console.h"
#include "guest/chipset/chipset.h"
#include "guest/cpus/ipi.h"
#include "guest/machine/hidden.h"
#include "guest/machine/machine.h"

#define HPET        0xfed00000ULL /* where QEMU has it, with tables or without */
#define TIMERS      0x100
#define TIMER_SIZE  0x20
#define DATA        0x10 /* in a timer's registers: the word, and where it goes; 32 bits each */
#define ADDRESS     0x14

#define MSI_MASK    GENMASK(31, 20)
#define MSI_ADDRESS 0xfee00000U

static bool touches(u32 at, u32 size, u32 reg)
{
	return at < reg + 4 && at + size > reg;
}

/* The timer's message is an interrupt, and none that leads a CPU out of the guest; or it is no message. */
static bool is_message(u32 at, u32 value, u32 size)
{
	if (touches(at, size, DATA))
		return size == 4 && !ipi_leads_outside(value);
	if (touches(at, size, ADDRESS))
		return size == 4 && (!value || (value & MSI_MASK) == MSI_ADDRESS);
	return true;
}

bool hpet_write(struct machine *m, u64 gpa, u32 value, u32 size)
{
	if (!m->chipset.fw_cfg || gpa < HPET + TIMERS || gpa >= HPET + PAGE_SIZE ||
	    is_message(gpa % TIMER_SIZE, value, size))
		return true;
	if (machine_may_say(m, LINE_HPET))
		say("the guest writes %x to register %lx of the HPET, which would write to memory, or "
		    "send INIT or an SMI: refused, as it always will be",
		    value, (unsigned long)(gpa - HPET));
	return false;
}

int hpet_watch(struct machine *m)
{
	return m->chipset.fw_cfg ? watch_memory(m, HPET, HPET + PAGE_SIZE) : 0;
}
