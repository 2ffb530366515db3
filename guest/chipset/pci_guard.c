/* SPDX-License-Identifier: MIT */
/* Which PCI registers a guest may change. PCI Local Bus Specification 3.0, 6.1 and 6.2.5. */
#include "guest/chipset/pci_guard.h"

#include "arch/types.h"

#define CLASS_HOST  0x0600
#define CLASS_ISA   0x0601
#define CLASS_OTHER 0x0680 /* bridges of no other kind: PIIX4's power management */
#define CLASS_IOMMU 0x0806
/* Intel's: the power management controller of newer chipsets, P2SB; decoders of addresses in servers. */
#define CLASS_MEMORY 0x0580
#define CLASS_SYSTEM 0x0880

bool pci_is_guarded(const struct pci_id *id)
{
	if (id->vendor == PCI_VENDOR_INTEL &&
	    (id->class == CLASS_MEMORY || id->class == CLASS_SYSTEM))
		return true;
	return id->class == CLASS_HOST || id->class == CLASS_ISA || id->class == CLASS_OTHER ||
	       id->class == CLASS_IOMMU;
}

#define P2SB      (0x1f << 3 | 1)
#define P2SB_ATOM (0x0d << 3)
#define P2SBC     0xe0 /* four bytes */

bool pci_may_be_hidden(const struct pci_function *f, u32 reg)
{
	return !f->segment && (f->bdf == P2SB || f->bdf == P2SB_ATOM) && (reg & ~3U) != P2SBC;
}

/* What operating systems set for themselves: interrupt routing, and what one emulated PC wants. */
static const struct {
	u16 vendor, device; /* device 0: all that are not listed before it */
	u16 class;
	u8 first, last;
} open[] = {
	{PCI_VENDOR_INTEL, 0x7000, CLASS_ISA, 0x60, 0x63}, /* PIIX3: PIRQRC[A:D] */
	{PCI_VENDOR_INTEL, 0x7000, CLASS_ISA, 0x82,
	 0x82}, /* PIIX3: DLC, passive release; Linux sets it */
	{PCI_VENDOR_INTEL, 0x7110, CLASS_ISA, 0x60, 0x63}, /* PIIX4: PIRQRC[A:D] */
	{PCI_VENDOR_INTEL, 0x7110, CLASS_ISA, 0x82, 0x82}, /* PIIX4: DLC */
	{PCI_VENDOR_INTEL, 0, CLASS_ISA, 0x60, 0x64},      /* ICH: PIRQ[n]_ROUT A to D, SIRQ_CNTL */
	{PCI_VENDOR_INTEL, 0, CLASS_ISA, 0x68, 0x6b},      /* ICH: PIRQ[n]_ROUT E to H */
	/* The number of a northbridge's register, whose data at 64h and BCh stay as they are. */
	{PCI_VENDOR_AMD, 0, CLASS_HOST, 0x60, 0x63},
	{PCI_VENDOR_AMD, 0, CLASS_HOST, 0xb8, 0xbb},
};

/* AMD's index registers are the root's; other functions of the northbridge have maps there. */
static bool is_at_home(const struct pci_id *id)
{
	return id->vendor != PCI_VENDOR_AMD || id->bdf == 0;
}

bool pci_is_open(const struct pci_id *id, u32 reg)
{
	bool listed = false;

	if (!pci_is_guarded(id))
		return true;
	/* An IOMMU walks its tables as a master of the bus. */
	if (reg == PCI_COMMAND && id->class == CLASS_IOMMU)
		return false;
	/* Were the class to change, the function would be guarded no more. */
	if (reg < PCI_HEADER_END)
		return reg != PCI_CLASS && reg != PCI_CLASS + 1;
	for (u32 i = 0; i < ARRAY_SIZE(open); i++) {
		if (open[i].vendor != id->vendor || open[i].class != id->class)
			continue;
		listed |= open[i].device == id->device;
		if (open[i].device ? open[i].device != id->device : listed)
			continue;
		if (reg >= open[i].first && reg <= open[i].last)
			return is_at_home(id);
	}
	return false;
}

bool fch_is_open(u8 reg)
{
	return (reg & 0xf0) != 0x20 && (reg & 0xf0) != 0x60;
}

struct memmap_range pci_bar_range(u32 low, u32 high, u32 mask_low, u32 mask_high)
{
	u64 mask = (u64)mask_high << 32 | (mask_low & ~15U), start = ((u64)high << 32 | low) & mask;

	/* An I/O BAR; or no bit of the lower word can be set, which the size of a 64-bit one may explain. */
	if ((mask_low & 1) || !(mask_low & ~15U ? mask : (u64)(mask_low & 4) * mask_high))
		return (struct memmap_range){0};
	/* From the lowest bit that can be set on. */
	return (struct memmap_range){start, start + (mask & -mask), 0};
}

struct memmap_range pci_io_bar_range(u32 bar, u32 mask)
{
	mask &= ~3U;
	return (struct memmap_range){bar & mask, (bar & mask) + (u64)(mask & -mask), 0};
}

struct memmap_range pci_io_window_range(u32 word, u32 high)
{
	u32 upper = word & 1 ? high : 0;

	return (struct memmap_range){(word & 0xf0) << 8 | upper << 16,
				     ((word & 0xf000) | 0xfff | (upper & 0xffff0000)) + 1ULL, 0};
}

struct memmap_range pci_window_range(u32 word, u32 base_high, u32 limit_high)
{
	return (struct memmap_range){(u64)base_high << 32 | (word & 0xfff0) << 16,
				     ((u64)limit_high << 32 | (word & 0xfff00000)) + MIB(1), 0};
}

struct memmap_range pci_cardbus_range(u32 base, u32 limit)
{
	return (struct memmap_range){base & GENMASK(31, 12), (limit | 0xfffULL) + 1, 0};
}

struct memmap_range pci_cardbus_io_range(u32 base, u32 limit)
{
	/* Bit 0: it has 32 bits. */
	u32 mask = base & 1 ? ~3U : 0xfffc;

	return (struct memmap_range){base & mask, (limit & mask) + 4ULL, 0};
}
