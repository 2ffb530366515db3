/* SPDX-License-Identifier: MIT */
/*
 * Where a function decodes memory and ports: its BARs, its ROM, a bridge's windows. PCI Local Bus
 * Specification 3.0, 6.2.5.1; PCI-to-PCI Bridge Architecture 1.2, 3.2.5; PC Card Standard 8, vol. 2, 4.5.1.
 *
 * A device over a port that is watched would take writes that the books are kept by.
 */
#include "arch/console.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/pci_guard.h"
#include "guest/firmware/pci.h"
#include "guest/machine/machine.h"

#define ROM_DEVICE     0x30
#define ROM_BRIDGE     0x38
#define ROM_ENABLE     BIT(0)
#define ROM_MASK       GENMASK(31, 11)

#define BRIDGE_IO      0x1c
#define BRIDGE_IO_HIGH 0x30
#define BRIDGE_MEMORY  0x20
#define BRIDGE_PREF    0x24
#define BRIDGE_PREF_64 BIT(0)

#define CARDBUS_MEMORY 0x1c
#define CARDBUS_IO     0x2c

#define BAR_64(bar)    (((bar)&7) == 4)

/* What a BAR reads once all ones were written. */
static u32 mask_of(const struct pci_view *w, u32 reg, u32 ones)
{
	u32 old = pci_read(w->f, reg, 4), mask;

	pci_write(w->f, reg, 4, ones);
	mask = pci_read(w->f, reg, 4);
	pci_write(w->f, reg, 4, old);
	return mask;
}

/* The IOMMUs' registers and configuration space answer instead of the bus, and RAM does. */
static bool hits(const struct machine *m, struct memmap_range r, bool registers)
{
	u32 skip = registers ? HIDDEN_RAM : 0;

	return r.start < r.end &&
	       (ranges_overlap(m->hidden + skip, m->nr_hidden - skip, r.start, r.end) ||
		ranges_overlap(m->watched, m->nr_watched, r.start, r.end));
}

/* The same for ports: those that are watched, and the console's. */
static bool hits_ports(const struct machine *m, struct memmap_range r)
{
	u16 uart = console_uart();

	if (r.start >= r.end)
		return false;
	for (u32 i = 0; i < m->chipset.nr_io; i++) {
		if (r.start <= m->chipset.io[i].last && m->chipset.io[i].first < r.end)
			return true;
	}
	return uart && r.start < uart + 8U && uart < r.end;
}

static struct memmap_range repeat(struct memmap_range range, u32 copies)
{
	u64 size = range.end - range.start, room = ~0ULL - range.start;

	range.end = copies && size > room / copies ? ~0ULL : range.start + size * copies;
	return range;
}

bool pci_bars_hit(const struct machine *m, const struct pci_view *w, u32 first, u32 nr, u32 copies,
		  u32 spaces)
{
	for (u32 i = 0; i < nr; i++) {
		u32 reg = first + 4 * i;
		u32 low_mask = mask_of(w, reg, ~0U), high = 0, high_mask = ~0U;
		u32 low = pci_view_word(w, reg);

		if (BAR_64(low_mask) && i + 1 < nr) {
			high = pci_view_word(w, reg + 4);
			high_mask = mask_of(w, reg + 4, ~0U);
			i++;
		}
		if ((spaces & PCI_COMMAND_MEM) &&
		    hits(m, repeat(pci_bar_range(low, high, low_mask, high_mask), copies), false))
			return true;
		if ((spaces & PCI_COMMAND_IO) && (low_mask & 1) &&
		    hits_ports(m, pci_io_bar_range(low, low_mask)))
			return true;
	}
	return false;
}

static bool rom_hits(const struct machine *m, const struct pci_view *w, u32 reg)
{
	u32 rom = pci_view_word(w, reg), mask;

	if (!(rom & ROM_ENABLE))
		return false;
	mask = mask_of(w, reg, ROM_MASK) & ROM_MASK;
	return hits(m, pci_bar_range(rom & ROM_MASK, 0, mask, ~0U), false);
}

/*
 * RAM does not hear of windows, and one of 64 bits is on its way from the lower half of an address to the
 * upper while it is set: it may cross RAM then.
 */
static bool windows_hit(const struct machine *m, const struct pci_view *w)
{
	u32 pref = pci_view_word(w, BRIDGE_PREF);
	bool wide = pref & BRIDGE_PREF_64;

	return hits(m, pci_window_range(pci_view_word(w, BRIDGE_MEMORY), 0, 0), true) ||
	       hits(m,
		    pci_window_range(pref, wide ? pci_view_word(w, BRIDGE_PREF + 4) : 0,
				     wide ? pci_view_word(w, BRIDGE_PREF + 8) : 0),
		    true);
}

/* Two windows to memory, and two to ports; and two ports for cards of 16 bits. */
static bool cardbus_hits(const struct machine *m, const struct pci_view *w, u32 spaces)
{
	u32 legacy = pci_view_word(w, PCI_CARDBUS_LEGACY) & ~1U;
	struct memmap_range ports = {legacy, legacy + 2ULL, 0};

	for (u32 i = 0; i < 2; i++) {
		u32 memory = CARDBUS_MEMORY + 8 * i, io = CARDBUS_IO + 8 * i;

		if ((spaces & PCI_COMMAND_MEM) &&
		    hits(m,
			 pci_cardbus_range(pci_view_word(w, memory), pci_view_word(w, memory + 4)),
			 true))
			return true;
		if ((spaces & PCI_COMMAND_IO) &&
		    hits_ports(m, pci_cardbus_io_range(pci_view_word(w, io),
						       pci_view_word(w, io + 4))))
			return true;
	}
	return (spaces & PCI_COMMAND_IO) && legacy && hits_ports(m, ports);
}

static bool bridge_hits(const struct machine *m, const struct pci_view *w, u32 spaces)
{
	if ((spaces & PCI_COMMAND_IO) &&
	    hits_ports(m, pci_io_window_range(pci_view_word(w, BRIDGE_IO),
					      pci_view_word(w, BRIDGE_IO_HIGH))))
		return true;
	return (spaces & PCI_COMMAND_MEM) && (rom_hits(m, w, ROM_BRIDGE) || windows_hit(m, w));
}

static bool decodes_hidden(const struct machine *m, const struct pci_view *w, u32 type, u32 spaces)
{
	switch (type) {
	case PCI_TYPE_BRIDGE:
		return pci_bars_hit(m, w, PCI_BAR0, 2, 1, spaces) || bridge_hits(m, w, spaces);
	case PCI_TYPE_CARDBUS:
		return pci_bars_hit(m, w, PCI_BAR0, 1, 1, spaces) || cardbus_hits(m, w, spaces);
	default:
		return pci_bars_hit(m, w, PCI_BAR0, 6, 1, spaces) ||
		       ((spaces & PCI_COMMAND_MEM) && rom_hits(m, w, ROM_DEVICE));
	}
}

/*
 * True when the function would decode memory that is hidden or watched, or watched ports, were the word
 * at reg to become this value. BARs are sized on the way, which takes a function off the bus for a moment; a
 * host bridge stays on it, as it does when an operating system asks.
 */
bool pci_decodes_hidden(const struct machine *m, const struct pci_function *f, u32 reg, u32 value)
{
	u32 type = pci_read(f, PCI_HEADER_TYPE, 1) & PCI_TYPE_MASK,
	    command = pci_read(f, PCI_COMMAND, 2);
	bool host = pci_read(f, PCI_CLASS, 2) == 0x0600, hit;
	struct pci_view w = {.f = f, .reg = reg, .value = value};
	u32 on = command & PCI_COMMAND_SPACES, spaces = on;

	/* What it decodes already was looked at when it began to. */
	if (reg == PCI_COMMAND)
		spaces = value & PCI_COMMAND_SPACES & ~on;
	if (!spaces)
		return false;
	if (on && !host)
		pci_write(f, PCI_COMMAND, 2, command & ~(u32)PCI_COMMAND_SPACES);
	hit = decodes_hidden(m, &w, type, spaces);
	if (on && !host)
		pci_write(f, PCI_COMMAND, 2, command);
	return hit;
}
