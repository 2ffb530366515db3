/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space in memory: the guest reads it itself, its writes go through the filter. The
 * windows are those of the MCFG table (PCI Firmware Specification 3.2, 4.1.2), of q35's PCIEXBAR and of
 * AMD's MMIO_CFG_BASE (APM vol. 2 3.2.9; BKDG, MSRC001_0058).
 */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/safe.h"
#include "arch/string.h"
#include "guest/chipset/chipset.h"
#include "guest/firmware/acpi.h"
#include "guest/firmware/pci.h"
#include "guest/machine/backend.h"
#include "guest/machine/hidden.h"
#include "guest/machine/machine.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"

#define MCFG_ENTRIES    44
#define MCFG_ENTRY_SIZE 16

#define BUS_SIZE        MIB(1)

#define Q35_PCIEXBAR    0x60

static int add_window(struct machine *m, u64 base, u32 first_bus, u32 buses, u16 segment)
{
	struct ecam e = {.base = base,
			 .segment = segment,
			 .start = base + first_bus * BUS_SIZE,
			 .end = base + (first_bus + buses) * BUS_SIZE};

	for (u32 i = 0; i < m->chipset.nr_ecam; i++) {
		if (e.start >= m->chipset.ecam[i].start && e.end <= m->chipset.ecam[i].end)
			return 0;
	}
	if (m->chipset.nr_ecam == ECAM_MAX)
		return fail("the firmware lists more than %u windows to PCI configuration space",
			    ECAM_MAX);
	if (e.end > map_end())
		say("PCI configuration space at %lx is out of notrap's reach: the guest cannot write "
		    "there",
		    e.start);
	m->chipset.ecam[m->chipset.nr_ecam++] = e;
	return watch_memory(m, e.start, e.end);
}

static int add_mcfg(struct machine *m, const u8 *mcfg, u32 size)
{
	for (u32 at = MCFG_ENTRIES; size >= MCFG_ENTRY_SIZE && at <= size - MCFG_ENTRY_SIZE;
	     at += MCFG_ENTRY_SIZE) {
		u8 first = mcfg[at + 10], last = mcfg[at + 11];
		u16 segment;
		u64 base;

		memcpy(&base, mcfg + at, sizeof(base));
		memcpy(&segment, mcfg + at + 8, sizeof(segment));
		if (base && first <= last &&
		    add_window(m, base, first, last - first + 1U, segment) < 0)
			return -1;
	}
	return 0;
}

/* Q35 datasheet, PCIEXBAR: bit 0 enables, bits 2:1 say 256, 128 or 64 MiB. */
static int add_q35(struct machine *m)
{
	u64 bar;

	if (pci_read(&pci_host, 0, 4) != PCI_ID_Q35)
		return 0;
	bar = pci_read(&pci_host, Q35_PCIEXBAR, 4) | (u64)pci_read(&pci_host, Q35_PCIEXBAR + 4, 4)
							     << 32;
	if (!(bar & 1) || (bar >> 1 & 3) > 2)
		return 0;
	return add_window(m, bar & GENMASK(35, 26), 0, 256U >> (bar >> 1 & 3), 0);
}

static int add_amd(struct machine *m)
{
	u64 value;

	if (!m->ops->amd || !rdmsr_safe(MSR_MMIO_CFG_BASE, &value) || !(value & BIT(0)))
		return 0;
	return add_window(m, value & GENMASK(47, 20), 0,
			  1U << ((value >> 2 & 15) < 8 ? value >> 2 & 15 : 8), 0);
}

int ecam_watch(struct machine *m, const struct bootinfo *boot)
{
	const u8 *mcfg;
	u32 size;

	for (u32 i = 0; (mcfg = acpi_table(boot, "MCFG", i, &size)); i++) {
		if (add_mcfg(m, mcfg, size) < 0)
			return -1;
	}
	return add_q35(m) < 0 || add_amd(m) < 0 ? -1 : 0;
}

bool ecam_write(struct machine *m, u64 gpa, u32 value, u32 size)
{
	for (u32 i = 0; i < m->chipset.nr_ecam; i++) {
		const struct ecam *e = &m->chipset.ecam[i];
		u64 offset = gpa - e->base;
		struct pci_function f = {.segment = e->segment, .bdf = (u16)(offset >> PAGE_SHIFT)};

		if (gpa < e->start || gpa >= e->end)
			continue;
		if (e->end > map_end())
			return true;
		f.ecam = phys_ptr(ALIGN_DOWN(gpa, PAGE_SIZE));
		if (pci_filter(m, &f, gpa & (PAGE_SIZE - 1), size, &value))
			pci_write(&f, gpa & (PAGE_SIZE - 1), size, value);
		return true;
	}
	return false;
}
