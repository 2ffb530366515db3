/* SPDX-License-Identifier: MIT */
/* ACPI's DMAR: Intel's remapping units, memory that devices need (VT-d specification, 8). */
#include "guest/iommu/unit.h"

#define TYPE_DRHD    0
#define TYPE_RMRR    1

#define DRHD_SIZE    16
#define DRHD_FLAGS   4
#define DRHD_PAGES   5 /* bits 3:0: its registers are 2^n pages */
#define DRHD_SEGMENT 6
#define DRHD_BASE    8
#define DRHD_ALL     BIT(0) /* every device of its segment that no other unit names */

/* Device scopes of a DRHD: type, length, 2 of flags, an ID, the first bus, then the path. */
#define SCOPE_SIZE     6
#define SCOPE_ENDPOINT 1
#define SCOPE_BRIDGE   2 /* and all that is behind it */
#define SCOPE_BUS      5
#define SCOPE_PATH     6 /* device, function; of bridges on the way, and then of the last */

#define RMRR_SIZE      24
#define RMRR_BASE      8
#define RMRR_LIMIT     16

static u32 least_size(const u8 *start)
{
	u64 type = iommu_get(start, 2);

	return type == TYPE_DRHD ? DRHD_SIZE : type == TYPE_RMRR ? RMRR_SIZE : 4;
}

/* The next entry of a type. */
static bool next_of(const u8 *dmar, u32 size, u32 *at, u16 type, struct iommu_entry *e)
{
	while (iommu_next(dmar, size, at, least_size, e))
		if (iommu_get(e->start, 2) == type)
			return true;
	return false;
}

static const char *add_unit(const u8 *start, struct iommu *iommu)
{
	struct iommu_unit *unit;
	u64 base;

	if (iommu_get(start, 2) != TYPE_DRHD)
		return NULL;
	base = iommu_get(start + DRHD_BASE, 8);
	if (!base || base % PAGE_SIZE)
		return "a unit has no address";
	for (u32 i = 0; i < iommu->nr_units; i++)
		if (iommu->unit[i].base == base)
			return "two units have one address";
	unit = iommu_add(iommu, base);
	if (!unit)
		return "there are more units than notrap knows";
	unit->size = PAGE_SIZE << (start[DRHD_PAGES] & 15);
	unit->segment = (u16)iommu_get(start + DRHD_SEGMENT, 2);
	unit->flags = start[DRHD_FLAGS];
	return NULL;
}

const char *dmar_parse(const u8 *dmar, u32 size, struct iommu *iommu)
{
	return iommu_parse(dmar, size, least_size, add_unit, iommu);
}

/* One DRHD names it by a scope of one step: devices on a root bus have no other. */
static bool scopes_name(const struct iommu_entry *s, u32 bus, u32 device, bool bridge)
{
	const u8 *scope;

	for (u32 at = DRHD_SIZE; s->size - at >= SCOPE_SIZE; at += scope[1]) {
		scope = s->start + at;
		if (scope[1] < SCOPE_SIZE || scope[1] > s->size - at)
			return false;
		if (scope[1] == SCOPE_PATH + 2 && scope[SCOPE_BUS] == bus &&
		    (scope[SCOPE_PATH] << 3 | scope[SCOPE_PATH + 1]) == (int)device &&
		    (scope[0] == SCOPE_BRIDGE || (scope[0] == SCOPE_ENDPOINT && !bridge)))
			return true;
	}
	return false;
}

bool dmar_names(const u8 *dmar, u32 size, u32 bus, u32 device, bool bridge)
{
	struct iommu_entry s;

	for (u32 at = IOMMU_ENTRIES; next_of(dmar, size, &at, TYPE_DRHD, &s);)
		if (!iommu_get(s.start + DRHD_SEGMENT, 2) && scopes_name(&s, bus, device, bridge))
			return true;
	return false;
}

static bool takes_in_all(const struct iommu *iommu, u32 segment)
{
	for (u32 i = 0; i < iommu->nr_units; i++)
		if (iommu->unit[i].segment == segment && (iommu->unit[i].flags & DRHD_ALL))
			return true;
	return false;
}

u32 dmar_uncovered(const struct iommu *iommu)
{
	for (u32 i = 0; i < iommu->nr_units; i++)
		if (!takes_in_all(iommu, iommu->unit[i].segment))
			return iommu->unit[i].segment;
	return ~0U;
}

void dmar_each_reserved(const u8 *dmar, u32 size, iommu_range_visit visit, void *ctx)
{
	struct iommu_entry s;

	for (u32 at = IOMMU_ENTRIES; next_of(dmar, size, &at, TYPE_RMRR, &s);)
		visit(ctx, iommu_get(s.start + RMRR_BASE, 8),
		      iommu_get(s.start + RMRR_LIMIT, 8) + 1);
}
