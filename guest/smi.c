/* SPDX-License-Identifier: MIT */
/*
 * SMIs that the guest brings about: the firmware's handler runs above the hypervisor, on what the guest
 * gives it. The guest is let ask for what ACPI needs; smi=1 lets it ask for anything.
 */
#include "arch/console.h"
#include "guest/exits.h"
#include "guest/io.h"
#include "guest/pci.h"
#include "guest/pci_guard.h"
#include "guest/power.h"

#define PORT_APM_CNT 0xb2 /* PIIX3 datasheet, "APMC"; the port that most firmware names */

/* Intel's chipsets since the first ICH: ICH9 datasheet, 13.8.3.8; PMBASE is where the PM1 events are. */
#define LPC_BDF    (0x1f << 3)
#define INTEL      0x8086
#define CLASS_ISA  0x0601
#define SMI_EN     0x30 /* four bytes, a bit for each source */
#define SMI_EN_EOS BIT(1)

static bool write_smi(struct vcpu *v, struct io_access *w)
{
	struct machine *m = v->machine;

	if (smi_is_allowed(&m->power, w->port, (u8)w->value))
		return true;
	if (!m->chipset.smi_said)
		say("the guest asks for SMI %x by port %x: refused, as further ones will be; use smi=1 if "
		    "it needs its firmware's SMIs",
		    w->value, w->port);
	m->chipset.smi_said = true;
	return false;
}

/*
 * A timer, the watchdog, a trap: further sources of SMIs, at any moment. Those that the firmware has left
 * off stay off, and the guest may switch off any.
 */
static bool write_smi_en(struct vcpu *v, struct io_access *w)
{
	struct chipset *c = &v->machine->chipset;
	u32 open = port_in(w->port, w->size) | (w->port & 3 ? 0 : SMI_EN_EOS);
	u32 mask = w->size < 4 ? BIT(8 * w->size) - 1 : ~0U;

	if ((w->value & mask & ~open) && !c->smi_en_said) {
		say("the guest enables SMIs that the firmware has left off (%x at port %x): refused, as "
		    "further ones will be; use smi=1 if it needs them",
		    w->value & mask & ~open, w->port);
		c->smi_en_said = true;
	}
	w->value &= open;
	return true;
}

static void watch_sources(struct machine *m)
{
	static const struct pci_function lpc = {.bdf = LPC_BDF};
	u16 first = m->power.pm1a_evt + SMI_EN;
	struct io_range range = {first, (u16)(first + 3), .write = write_smi_en};

	if (m->power.pm1a_evt && pci_read(&lpc, PCI_VENDOR, 2) == INTEL &&
	    pci_read(&lpc, PCI_CLASS, 2) == CLASS_ISA)
		io_watch(m, &range);
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
	watch_sources(m);
}
