/* SPDX-License-Identifier: MIT */
/* What of the chipset is watched, in the order in which a port's watchers are asked. */
#include "guest/chipset.h"

#include "arch/console.h"
#include "guest/machine.h"
#include "guest/power.h"

int chipset_prepare(struct machine *m, const struct bootinfo *boot)
{
	if (acpi_find_power(boot, &m->power) < 0)
		say("no ACPI tables: the guest can switch the machine off only by hand");
	if (acpi_hide_sleep(boot) < 0)
		say("the firmware's ACPI tables are read-only and offer sleep: the guest's is refused");
	pci_watch(m);
	if (power_watch(m) < 0 || ecam_watch(m, boot) < 0 || fch_watch(m) < 0)
		return -1;
	a20_watch(m);
	cmos_watch(m);
	smi_watch(m);
	fw_cfg_watch(m);
	vapic_watch(m);
	if (hpet_watch(m) < 0)
		return -1;
	smram_lock();
	return 0;
}
