/* SPDX-License-Identifier: MIT */
/* A guest's write to PCI configuration space: what of it is done. */
#include "arch/console.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/pci_guard.h"
#include "guest/chipset/power.h"
#include "guest/firmware/pci.h"
#include "guest/machine/machine.h"

static bool said(struct chipset *c, u64 key)
{
	for (u32 i = 0; i < c->nr_pci_said; i++) {
		if (c->pci_said[i] == key)
			return true;
	}
	if (c->nr_pci_said == PCI_SAID_MAX)
		return true;
	c->pci_said[c->nr_pci_said++] = key;
	return false;
}

/* Each register has its line once, as far as there is room to remember it. */
static void say_refused(struct machine *m, const struct pci_function *f, u32 reg, const char *why)
{
	reg &= ~3U;
	if (said(&m->chipset, (u64)f->segment << 32 | (u32)f->bdf << 16 | reg))
		return;
	say("the guest's write to register %x of PCI %04x:%02x:%02x.%x is refused: %s", reg,
	    f->segment, f->bdf >> 8, f->bdf >> 3 & 31, f->bdf & 7, why);
	if (m->chipset.nr_pci_said == PCI_SAID_MAX)
		say("further PCI registers that are refused will not be told");
}

struct pci_id pci_identify(const struct pci_function *f)
{
	u32 id = pci_read(f, PCI_VENDOR, 4);

	return (struct pci_id){.vendor = (u16)id,
			       .device = (u16)(id >> 16),
			       .class = (u16)pci_read(f, PCI_CLASS, 2),
			       .bdf = f->bdf};
}

/* The bits of [reg, reg + size) that the guest may change. */
static u32 open_bits(const struct pci_id *id, u32 reg, u32 size)
{
	u32 bits = 0;

	for (u32 i = 0; i < size; i++)
		bits |= pci_is_open(id, reg + i) ? 0xffU << 8 * i : 0;
	return bits;
}

/* An address of ACPI's space for PCI: bus 0 alone, ACPI 6.4, table 5.1. */
static u64 acpi_address(const struct pci_function *f, u32 reg)
{
	return (u64)(f->bdf >> 3 & 31) << 32 | (u32)(f->bdf & 7) << 16 | reg;
}

/* What a function decodes may not be over the hypervisor's. */
static bool place_may(struct machine *m, const struct pci_function *f, u32 reg, u32 size, u32 value)
{
	u32 shift = 8 * (reg & 3), mask = (size < 4 ? BIT(8 * size) - 1 : ~0U) << shift;
	u32 first = reg & ~3U, old, word;
	const char *why = NULL;

	if (reg < PCI_HEADER_END && !pci_decides_place(first))
		return true;
	old = pci_read(f, first, 4);
	word = (old & ~mask) | (value << shift & mask);
	if (word == old)
		return true;
	/* The upper half is the status register, whose bits a write clears. */
	if (first == PCI_COMMAND)
		word &= 0xffff;
	if (reg >= PCI_HEADER_END)
		why = pci_caps_refuse(m, f, first, word);
	else if (pci_decodes_hidden(m, f, first, word))
		why = PCI_OVER_HIDDEN;
	if (why)
		say_refused(m, f, reg, why);
	return !why;
}

bool pci_filter(struct machine *m, const struct pci_function *f, u32 reg, u32 size, u32 *value)
{
	u32 mask = size < 4 ? BIT(8 * size) - 1 : ~0U, old, open, wanted = *value & mask;
	struct pci_id id = pci_identify(f);

	if (id.vendor == 0xffff)
		return !pci_may_be_hidden(f, reg);
	if (f->segment == 0 && f->bdf >> 8 == 0 &&
	    !power_write(m, ACPI_SPACE_PCI, acpi_address(f, reg), wanted, size))
		return false;
	if (pci_is_balloon(&id)) {
		say_refused(m, f, reg, "a memory balloon takes any memory away, notrap's too");
		return false;
	}
	if (!place_may(m, f, reg, size, wanted))
		return false;
	if (!pci_is_guarded(&id))
		return true;
	open = open_bits(&id, reg, size) & mask;
	if (open == mask)
		return true;
	old = pci_read(f, reg, size);
	*value = (old & ~open) | (wanted & open);
	if (*value == wanted)
		return true;
	say_refused(m, f, reg, "it decides what is where in the machine");
	return open;
}
