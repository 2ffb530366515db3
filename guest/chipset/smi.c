/* SPDX-License-Identifier: MIT */
/*
 * SMIs by software: the firmware's handler runs above the hypervisor, on what the guest gives it. The
 * guest is let ask for what ACPI needs; smi=1 lets it ask for anything.
 */
#include "arch/console.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/io.h"
#include "guest/chipset/power.h"
#include "guest/machine/backend.h"
#include "guest/machine/machine.h"

#define PORT_APM_CNT 0xb2 /* PIIX3 datasheet, "APMC"; the port that most firmware names */

static bool write_smi(struct vcpu *v, struct io_access *w)
{
	struct machine *m = v->machine;

	if (smi_is_allowed(&m->power, w->port, (u8)w->value))
		return true;
	if (machine_may_say(m, LINE_SMI))
		say("the guest asks for SMI %x by port %x: refused, as further ones will be; use smi=1 if "
		    "it needs its firmware's SMIs",
		    w->value, w->port);
	return false;
}

void smi_watch(struct machine *m)
{
	struct io_range range = {PORT_APM_CNT, PORT_APM_CNT, .bytes = true, .write = write_smi};

	if (m->opt->smi)
		return;
	io_watch(m, &range);
	range.first = range.last = m->power.smi_cmd;
	if (range.first && range.first != PORT_APM_CNT)
		io_watch(m, &range);
}
