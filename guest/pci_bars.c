/* SPDX-License-Identifier: MIT */
/*
 * Where a function's memory decodes: its BARs, its ROM, a bridge's windows. PCI Local Bus Specification
 * 3.0, 6.2.5.1; PCI-to-PCI Bridge Architecture 1.2, 3.2.5.
 */
#include "guest/machine.h"
#include "guest/pci.h"
#include "guest/pci_guard.h"

#define TYPE_MASK      0x7f /* bit 7: several functions */
#define TYPE_DEVICE    0
#define TYPE_BRIDGE    1
#define TYPE_CARDBUS   2

#define ROM_DEVICE     0x30
#define ROM_BRIDGE     0x38
#define ROM_ENABLE     BIT(0)
#define ROM_MASK       GENMASK(31, 11)

#define BRIDGE_MEMORY  0x20
#define BRIDGE_PREF    0x24
#define BRIDGE_PREF_64 BIT(0)

#define BAR_64(bar)    (((bar)&7) == 4)

/* A function as the guest's write would have it. */
struct view {
	const struct pci_function *f;
	u32 reg, value; /* the word that it writes */
};

static u32 word(const struct view *w, u32 reg)
{
	return reg == w->reg ? w->value : pci_read(w->f, reg, 4);
}

/* What a BAR reads once all ones were written. */
static u32 mask_of(const struct view *w, u32 reg, u32 ones)
{
	u32 old = pci_read(w->f, reg, 4), mask;

	pci_write(w->f, reg, 4, ones);
	mask = pci_read(w->f, reg, 4);
	pci_write(w->f, reg, 4, old);
	return mask;
}

/* The IOMMUs' registers and configuration space answer instead of the bus, and RAM does. */
static bool hits(const struct machine *m, const struct memmap_range *r, bool registers)
{
	u32 skip = registers ? HIDDEN_RAM : 0;

	return ranges_overlap(m->hidden + skip, m->nr_hidden - skip, r->start, r->end) ||
	       ranges_overlap(m->watched, m->nr_watched, r->start, r->end);
}

static bool bars_hit(const struct machine *m, const struct view *w, u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		u32 reg = PCI_BAR0 + 4 * i;
		u32 low_mask = mask_of(w, reg, ~0U), high = 0, high_mask = ~0U;
		u32 low = word(w, reg);
		struct memmap_range range;

		if (BAR_64(low_mask) && i + 1 < nr) {
			high = word(w, reg + 4);
			high_mask = mask_of(w, reg + 4, ~0U);
			i++;
		}
		if (pci_bar_range(low, high, low_mask, high_mask, &range) && hits(m, &range, false))
			return true;
	}
	return false;
}

static bool rom_hits(const struct machine *m, const struct view *w, u32 reg)
{
	u32 rom = word(w, reg), mask;
	struct memmap_range range;

	if (!(rom & ROM_ENABLE))
		return false;
	mask = mask_of(w, reg, ROM_MASK) & ROM_MASK;
	return pci_bar_range(rom & ROM_MASK, 0, mask, ~0U, &range) && hits(m, &range, false);
}

/*
 * RAM does not hear of windows, and one of 64 bits is on its way from the lower half of an address to the
 * upper while it is set: it may cross RAM then.
 */
static bool windows_hit(const struct machine *m, const struct view *w)
{
	u32 pref = word(w, BRIDGE_PREF);
	bool wide = pref & BRIDGE_PREF_64;
	struct memmap_range range;

	if (pci_window_range(word(w, BRIDGE_MEMORY), 0, 0, &range) && hits(m, &range, true))
		return true;
	return pci_window_range(pref, wide ? word(w, BRIDGE_PREF + 4) : 0,
				wide ? word(w, BRIDGE_PREF + 8) : 0, &range) &&
	       hits(m, &range, true);
}

/*
 * True when the function would decode memory that is hidden or watched, were the word at reg to become
 * this value. BARs are sized on the way, which takes a function off the bus for a moment; a host bridge
 * stays on it, as it does when an operating system asks.
 */
bool pci_decodes_hidden(const struct machine *m, const struct pci_function *f, u32 reg, u32 value)
{
	u32 type = pci_read(f, PCI_HEADER_TYPE, 1) & TYPE_MASK,
	    command = pci_read(f, PCI_COMMAND, 2);
	struct view w = {.f = f, .reg = reg, .value = value};
	bool on = command & PCI_COMMAND_MEM, host = pci_read(f, PCI_CLASS, 2) == 0x0600, hit;

	/* With other bits of the command it stays as it was when it began to decode. */
	if (reg == PCI_COMMAND ? on || !(value & PCI_COMMAND_MEM) : !on)
		return false;
	if (on && !host)
		pci_write(f, PCI_COMMAND, 2, command & ~PCI_COMMAND_MEM);
	hit = bars_hit(m, &w, type == TYPE_DEVICE ? 6 : type == TYPE_BRIDGE ? 2 : 1);
	if (!hit && type != TYPE_CARDBUS)
		hit = rom_hits(m, &w, type == TYPE_DEVICE ? ROM_DEVICE : ROM_BRIDGE);
	if (!hit && type == TYPE_BRIDGE)
		hit = windows_hit(m, &w);
	if (on && !host)
		pci_write(f, PCI_COMMAND, 2, command);
	return hit;
}
