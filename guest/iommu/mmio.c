/* SPDX-License-Identifier: MIT */
/* A unit's registers, at the width that the manuals ask for. */
#include "guest/iommu/unit.h"
#include "mm/phys/phys.h"

u32 iommu_read32(const struct iommu_unit *unit, u32 offset)
{
	return *(volatile u32 *)phys_ptr(unit->base + offset);
}

u64 iommu_read64(const struct iommu_unit *unit, u32 offset)
{
	return *(volatile u64 *)phys_ptr(unit->base + offset);
}

void iommu_write32(const struct iommu_unit *unit, u32 offset, u32 value)
{
	*(volatile u32 *)phys_ptr(unit->base + offset) = value;
}

void iommu_write64(const struct iommu_unit *unit, u32 offset, u64 value)
{
	*(volatile u64 *)phys_ptr(unit->base + offset) = value;
}
