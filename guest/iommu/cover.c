/* SPDX-License-Identifier: MIT */
/*
 * Devices that no unit takes in. Most firmware has a unit for all that no other names; where there is
 * none, the devices of bus 0 are looked for, and those behind a bridge go with it.
 */
#include "guest/firmware/pci.h"
#include "guest/iommu/unit.h"
#include "guest/machine/machine.h"

int iommu_check_cover(const struct machine *machine, const u8 *dmar, u32 size)
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
