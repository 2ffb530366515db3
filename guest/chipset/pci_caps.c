/* SPDX-License-Identifier: MIT */
/*
 * Capabilities that say or change where a function decodes: Enhanced Allocation, Resizable BAR, SR-IOV. PCI
 * Express 4.0, 7.8.5 to 7.8.7, 9.3.3; PCI Local Bus Specification 3.0, 6.7. And CardBus bridges' one register.
 */
#include "guest/chipset/chipset.h"
#include "guest/chipset/pci_guard.h"

#define STATUS          0x06
#define STATUS_CAPS     BIT(4)
#define CAPS            0x34
#define CAPS_CARDBUS    0x14
#define CAPS_MAX        48 /* as many as there is room for, below 100h */

#define EXTENDED        0x100
#define EXTENDED_MAX    480

#define ID_ALLOCATION   0x14
#define ID_SRIOV        0x10 /* this one and those below are extended */
#define ID_RESIZABLE    0x15
#define ID_VF_RESIZABLE 0x24

/* Enhanced Allocation, from its start: how many entries; of each, how many words follow its first. */
#define EA_ENTRIES(word) ((word) >> 16 & 0x3f)
#define EA_FIRST         4
#define EA_WORDS(word)   ((word)&7)

/* Resizable BAR: two words for each, of which the first one's second tells how many. */
#define RESIZABLE_FIRST     4
#define RESIZABLE_CONTROL   8
#define RESIZABLE_BARS(ctl) ((ctl) >> 5 & 7)

#define SRIOV_CONTROL       0x08
#define SRIOV_VFS           0x0c /* initial ones, and in the upper half all that there can be */
#define SRIOV_PAGE_SIZE     0x20
#define SRIOV_BARS          0x24
#define SRIOV_END           0x3c
#define SRIOV_MSE           BIT(3)

/* Where this capability begins; 0: nowhere. */
static u32 find_extended(const struct pci_function *f, u16 id)
{
	u32 at = EXTENDED;

	for (u32 i = 0; i < EXTENDED_MAX && at >= EXTENDED; i++) {
		u32 word = pci_read(f, at, 4);

		if ((u16)word == id)
			return at;
		at = word >> 20 & 0xffc;
	}
	return 0;
}

/* Of the two kinds, which look the same. */
static bool is_resizable(const struct pci_function *f, u16 id, u32 reg)
{
	u32 at = find_extended(f, id);

	return at && reg >= at + RESIZABLE_FIRST &&
	       reg < at + RESIZABLE_FIRST +
			       8 * RESIZABLE_BARS(pci_read(f, at + RESIZABLE_CONTROL, 4));
}

/* The end of an Enhanced Allocation capability. */
static u32 allocation_end(const struct pci_function *f, u32 at, u32 first, u32 type)
{
	u32 reg = at + EA_FIRST + (type == PCI_TYPE_BRIDGE ? 4 : 0);

	for (u32 i = EA_ENTRIES(first); i && reg < EXTENDED; i--)
		reg += 4 + 4 * EA_WORDS(pci_read(f, reg, 4));
	return reg;
}

static bool is_allocation(const struct pci_function *f, u32 reg, u32 type)
{
	u32 at = type == PCI_TYPE_CARDBUS ? CAPS_CARDBUS : CAPS;

	if (!(pci_read(f, STATUS, 2) & STATUS_CAPS))
		return false;
	at = pci_read(f, at, 1) & 0xfc;
	for (u32 i = 0; i < CAPS_MAX && at >= PCI_HEADER_END; i++) {
		u32 word = pci_read(f, at, 4);

		if ((u8)word == ID_ALLOCATION && reg >= at &&
		    reg < allocation_end(f, at, word, type))
			return true;
		at = word >> 8 & 0xfc;
	}
	return false;
}

/* The function's own BARs are looked at when it begins to decode: PCI_COMMAND. */
static bool resizes_in_use(const struct pci_function *f, u32 reg)
{
	return (pci_read(f, PCI_COMMAND, 2) & PCI_COMMAND_MEM) &&
	       is_resizable(f, ID_RESIZABLE, reg);
}

/* Of the virtual functions, which all decode as their physical function's capability has it. */
static const char *vfs_refuse(const struct machine *m, const struct pci_function *f, u32 reg,
			      u32 value)
{
	struct pci_view w = {f, reg, value};
	u32 at = find_extended(f, ID_SRIOV), control, vfs;
	bool hit;

	if (!at)
		return NULL;
	control = pci_read(f, at + SRIOV_CONTROL, 4);
	if ((control & SRIOV_MSE) &&
	    (reg == at + SRIOV_PAGE_SIZE || is_resizable(f, ID_VF_RESIZABLE, reg)))
		return "it changes the size of what virtual functions decode";
	if ((reg != at + SRIOV_CONTROL && (reg < at + SRIOV_BARS || reg >= at + SRIOV_END)) ||
	    !(pci_view_word(&w, at + SRIOV_CONTROL) & SRIOV_MSE))
		return NULL;
	vfs = pci_read(f, at + SRIOV_VFS, 4) >> 16;
	/* The upper half is a status, whose one bit a write clears. */
	pci_write(f, at + SRIOV_CONTROL, 2, control & ~(u32)SRIOV_MSE);
	hit = pci_bars_hit(m, &w, at + SRIOV_BARS, 6, vfs, PCI_COMMAND_MEM);
	pci_write(f, at + SRIOV_CONTROL, 2, control);
	return hit ? PCI_OVER_HIDDEN : NULL;
}

const char *pci_caps_refuse(const struct machine *m, const struct pci_function *f, u32 reg,
			    u32 value)
{
	u32 type = pci_read(f, PCI_HEADER_TYPE, 1) & PCI_TYPE_MASK;

	if (reg >= EXTENDED)
		return resizes_in_use(f, reg) ? "it changes the size of what the device decodes"
					      : vfs_refuse(m, f, reg, value);
	if (is_allocation(f, reg, type))
		return "it is where the device decodes";
	if (type == PCI_TYPE_CARDBUS && reg == PCI_CARDBUS_LEGACY &&
	    pci_decodes_hidden(m, f, reg, value))
		return PCI_OVER_HIDDEN;
	return NULL;
}
