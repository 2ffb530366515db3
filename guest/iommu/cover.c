/* SPDX-License-Identifier: MIT */
/*
 * Devices that no unit takes in. Most firmware has a unit for all that no other names; where there is
 * none, the devices of bus 0 are looked for, and those behind a bridge go with it.
 */
#include "arch/insn.h"
#include "guest/iommu/unit.h"
#include "guest/machine/machine.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  (1U << 31)
#define HEADER         0x0c
#define HEADER_BRIDGE  1

static u32 config_read(u32 device, u32 offset)
{
	out32(CONFIG_ADDRESS, CONFIG_ENABLE | device << 8 | offset);
	return in32(CONFIG_DATA);
}

int iommu_check_cover(const struct machine *machine, const u8 *dmar, u32 size)
{
	u32 segment = dmar_uncovered(&machine->iommu);

	if (segment == ~0U)
		return 0;
	if (segment)
		return iommu_left_open(machine, "PCI segment", segment,
				       "no unit takes in all of its devices");
	for (u32 device = 0; device < 256; device++) {
		bool bridge;

		if (config_read(device, 0) == ~0U)
			continue;
		bridge = (config_read(device, HEADER) >> 16 & 0x7f) == HEADER_BRIDGE;
		if (!dmar_names(dmar, size, 0, device, bridge))
			return iommu_left_open(machine, "PCI device and function", device,
					       bridge ? "no unit takes in all that is behind it"
						      : "no unit takes it in");
	}
	return 0;
}
