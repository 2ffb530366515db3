/* SPDX-License-Identifier: MIT */
/* What of the chipset is watched, in the order in which a port's watchers are asked. */
#include "guest/chipset/chipset.h"

#include "arch/console.h"
#include "guest/chipset/power.h"
#include "guest/firmware/acpi.h"
#include "guest/machine/machine.h"

int chipset_prepare(struct machine *m, const struct bootinfo *boot)
{
	if (acpi_find_power(boot, &m->power) < 0)
		say("no ACPI tables: the guest can switch the machine off only by hand");
	if (acpi_hide_sleep(boot) < 0)
		say("the firmware's ACPI tables are read-only and offer sleep: the guest's is refused");
	pci_watch(m);
	if (power_watch(m) < 0 || ecam_watch(m, boot) < 0 || balloon_hide(m) < 0 ||
	    fch_watch(m) < 0)
		return -1;
	a20_watch(m);
	cmos_watch(m);
	smi_watch(m);
	fw_cfg_watch(m);
	nvdimm_watch(m);
	if (vapic_watch(m) < 0 || hpet_watch(m) < 0)
		return -1;
	smram_lock();
	return 0;
}
