/* SPDX-License-Identifier: MIT */
/*
 * AMD's southbridge: what PCI has elsewhere in the ISA bridge, it has behind the index and data ports
 * CD6h and CD7h, and in a page of memory. AMD SB800-Series Register Reference Guide, 2.3; PPR for Family 17h,
 * 9.2: FCH::PM and FCH::IO.
 */
#include "arch/console.h"
#include "arch/io.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/io.h"
#include "guest/chipset/pci_guard.h"
#include "guest/chipset/power.h"
#include "guest/firmware/pci.h"
#include "guest/machine/backend.h"
#include "guest/machine/hidden.h"
#include "guest/machine/machine.h"

#define PORT_PM_INDEX 0xcd6
#define PORT_PM_DATA  0xcd7

#define SMBUS_BDF     (0x14 << 3) /* where every one of them has its SMBus controller */
#define CLASS_SMBUS   0x0c05
#define ATI           0x1002

#define MMIO          0xfed80000ULL
#define MMIO_PM       0x300 /* the same registers as behind the ports */
#define MMIO_ACPI     0x800 /* PM1 events, and PM1 control at 4 */
#define PM1_CNT_UPPER (MMIO + MMIO_ACPI + 5)

static void say_refused(struct machine *m, u32 reg)
{
	if (machine_may_say(m, LINE_FCH))
		say("the guest's write to PM register %x of the southbridge is refused, as further ones "
		    "will be: it decides where the PM registers are",
		    reg);
}

static bool write_pm(struct vcpu *v, struct io_access *w)
{
	struct chipset *c = &v->machine->chipset;

	if (w->port == PORT_PM_INDEX) {
		c->fch_index = (u8)w->value;
	} else if (!fch_is_open(c->fch_index)) {
		if (port_in(PORT_PM_DATA, 1) == (w->value & 0xff))
			return true;
		say_refused(v->machine, c->fch_index);
		return false;
	}
	return true;
}

bool fch_write(struct machine *m, u64 gpa, u32 value, u32 size)
{
	if (!m->chipset.fch || gpa < MMIO || gpa >= MMIO + PAGE_SIZE)
		return true;
	for (u32 i = 0; i < size; i++) {
		u64 reg = gpa + i - MMIO - MMIO_PM;

		u8 now;

		if (reg >= 256 || fch_is_open((u8)reg))
			continue;
		device_read(gpa + i, &now, 1);
		if (now != (u8)(value >> 8 * i)) {
			say_refused(m, (u32)reg);
			return false;
		}
	}
	return true;
}

int fch_watch(struct machine *m)
{
	static const struct io_range range = {PORT_PM_INDEX, PORT_PM_DATA, .bytes = true,
					      .write = write_pm};
	static const struct pci_function smbus = {.bdf = SMBUS_BDF};
	u32 vendor = pci_read(&smbus, PCI_VENDOR, 2);

	if ((vendor != ATI && vendor != PCI_VENDOR_AMD) ||
	    pci_read(&smbus, PCI_CLASS, 2) != CLASS_SMBUS)
		return 0;
	m->chipset.fch = true;
	io_watch(m, &range);
	/* Its second way to PM1 control, with the values of the first. */
	if (m->power.pm1a_cnt)
		m->power.sleep[m->power.nr_sleep++] =
			(struct acpi_sleep){ACPI_SPACE_MEMORY, PM1_CNT_UPPER, m->power.s5_typ_a};
	return watch_memory(m, MMIO, MMIO + PAGE_SIZE);
}
