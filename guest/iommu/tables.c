/* SPDX-License-Identifier: MIT */
/* What the firmware's two tables have in common: a list of entries, of which some are units. */
#include "guest/iommu/unit.h"

bool iommu_next(const u8 *table, u32 size, u32 *at, iommu_least least, struct iommu_entry *e)
{
	if (*at > size || size - *at < 4)
		return false;
	e->start = table + *at;
	e->size = (u32)iommu_get(e->start + 2, 2);
	if (e->size < least(e->start) || e->size > size - *at)
		return false;
	*at += e->size;
	return true;
}

const char *iommu_parse(const u8 *table, u32 size, iommu_least least,
			const char *(*add)(const u8 *start, struct iommu *iommu),
			struct iommu *iommu)
{
	struct iommu_entry e;
	u32 at = IOMMU_ENTRIES;

	while (iommu_next(table, size, &at, least, &e)) {
		const char *problem = add(e.start, iommu);

		if (problem)
			return problem;
	}
	if (at != size)
		return "an entry has a bad length";
	return iommu->nr_units ? NULL : "it lists no unit";
}

struct iommu_unit *iommu_add(struct iommu *iommu, u64 base)
{
	for (u32 i = 0; i < iommu->nr_units; i++)
		if (iommu->unit[i].base == base)
			return &iommu->unit[i];
	if (iommu->nr_units == IOMMU_UNITS_MAX)
		return NULL;
	iommu->unit[iommu->nr_units] = (struct iommu_unit){.base = base};
	return &iommu->unit[iommu->nr_units++];
}
