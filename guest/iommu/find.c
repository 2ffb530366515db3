/* SPDX-License-Identifier: MIT */
/* Which IOMMUs there are, and what they can do; what is said of those that cannot be used. */
#include "arch/console.h"
#include "guest/firmware/acpi.h"
#include "guest/firmware/pci.h"
#include "guest/iommu/iommu.h"
#include "guest/iommu/unit.h"
#include "guest/machine/hidden.h"

/* More than any unit has: those of VT-d take 20 KiB, AMD's 512 KiB. */
#define REGISTERS_MAX MIB(2)

int iommu_left_open(const struct machine *machine, const char *which, u64 where, const char *why)
{
	if (machine->opt->iommu == IOMMU_REQUIRE)
		return fail("iommu=require: %s %lx: %s; use iommu=auto to run without", which,
			    where, why);
	say("iommu: %s %lx: %s; devices there can reach all memory", which, where, why);
	return 0;
}

static int none(const struct machine *machine, const char *why)
{
	if (machine->opt->iommu == IOMMU_REQUIRE)
		return fail(
			"iommu=require: %s; switch it on in the firmware's setup, or use iommu=auto",
			why);
	say("iommu: %s: devices can reach all memory", why);
	return 0;
}

/*
 * The line about devices that no unit of DMAR takes in; -1 when there are some, and may not. Most firmware has
 * a unit for all that no other names; where there is none, the devices of bus 0 are looked for, and those
 * behind a bridge go with it.
 */
static int check_cover(const struct machine *machine, const u8 *dmar, u32 size)
{
	u32 segment = dmar_uncovered(&machine->iommu);

	if (segment == ~0U)
		return 0;
	if (segment)
		return iommu_left_open(machine, "PCI segment", segment,
				       "no unit takes in all of its devices");
	for (u32 device = 0; device < 256; device++) {
		const struct pci_function f = {.bdf = (u16)device};
		bool bridge;

		if (pci_read(&f, PCI_VENDOR, 4) == ~0U)
			continue;
		bridge = (pci_read(&f, PCI_HEADER_TYPE, 1) & PCI_TYPE_MASK) == PCI_TYPE_BRIDGE;
		if (!dmar_names(dmar, size, 0, device, bridge))
			return iommu_left_open(machine, "PCI device and function", device,
					       bridge ? "no unit takes in all that is behind it"
						      : "no unit takes it in");
	}
	return 0;
}

/* Why a unit's registers cannot be where the firmware says; NULL. */
static const char *check_place(const struct bootinfo *boot, const struct iommu_unit *unit)
{
	/* The hypervisor's own map of more than 4 GiB is of RAM. */
	if (unit->base >= GIB(4) || unit->size > GIB(4) - unit->base)
		return "its registers are not below 4 GiB";
	if (unit->size > REGISTERS_MAX)
		return "its registers take too much room";
	return memmap_has_ram(&boot->map, unit->base, unit->base + unit->size)
		       ? "its registers are where RAM is"
		       : NULL;
}

/* Keep the units that can be used. -1 when one cannot, and must. */
static int probe_units(struct machine *machine, const struct bootinfo *boot,
		       struct iommu_limits *limits)
{
	struct iommu *iommu = &machine->iommu;
	u32 found = iommu->nr_units;

	iommu->nr_units = 0;
	for (u32 i = 0; i < found; i++) {
		struct iommu_unit unit = iommu->unit[i];
		const char *why = check_place(boot, &unit);

		/* What is read here never changes, however the memory is mapped. */
		if (!why)
			why = iommu_ops_of(iommu)->probe(&unit, limits);
		if (!why)
			why = check_place(boot, &unit);
		if (!why)
			iommu->unit[iommu->nr_units++] = unit;
		else if (iommu_left_open(machine, "unit at", unit.base, why) < 0)
			return -1;
	}
	return 0;
}

int iommu_find(struct machine *machine, const struct bootinfo *boot)
{
	struct iommu_limits limits = {~0U, 3, machine->maxphyaddr};
	struct iommu *iommu = &machine->iommu;
	struct iommu_map map;
	const char *why;
	const u8 *table;
	u32 size;

	if (machine->opt->iommu == IOMMU_OFF) {
		say("iommu=off: devices can reach all memory, the hypervisor's too");
		return 0;
	}
	iommu->kind = IOMMU_VTD;
	table = acpi_table(boot, "DMAR", 0, &size);
	if (!table) {
		iommu->kind = IOMMU_AMDVI;
		table = acpi_table(boot, "IVRS", 0, &size);
	}
	why = table ? iommu_ops_of(iommu)->parse(table, size, iommu) : NULL;
	if (!table || why) {
		int ret = why ? iommu_left_open(machine, iommu_ops_of(iommu)->table, 0, why)
			      : none(machine, "the firmware lists no IOMMU");

		*iommu = (struct iommu){0};
		return ret;
	}
	if (iommu->kind == IOMMU_VTD && check_cover(machine, table, size) < 0)
		return -1;
	if (probe_units(machine, boot, &limits) < 0)
		return -1;
	why = iommu->nr_units ? iommu_choose(&map, &limits, memmap_ram_end(&boot->map)) : NULL;
	if (!iommu->nr_units || why) {
		*iommu = (struct iommu){0};
		return none(machine, why ? why : "no unit can be used");
	}
	iommu->levels = map.levels;
	iommu->leaf = map.leaf;
	iommu->end = map.end;
	return 0;
}
