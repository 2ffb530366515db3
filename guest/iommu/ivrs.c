/* SPDX-License-Identifier: MIT */
/* ACPI's IVRS: AMD's units, their devices, memory that devices need (AMD IOMMU specification, 5). */
#include "guest/iommu/unit.h"

/* IVHD: one unit. 11h and 40h say more of the same unit, and follow for newer software. */
#define TYPE_IVHD      0x10
#define TYPE_IVHD_EFR  0x11
#define TYPE_IVHD_ACPI 0x40
#define IVHD_FLAGS     1
#define IVHD_BASE      8
#define IVHD_SEGMENT   16
#define IVHD_SIZE      24
#define IVHD_EFR_SIZE  40

/* IVMD: memory for all devices, one, or a range of them. */
#define TYPE_IVMD_FIRST 0x20
#define TYPE_IVMD_LAST  0x22
#define IVMD_START      16
#define IVMD_LENGTH     24
#define IVMD_SIZE       32

/* Device entries. Bits 7:6 of the type give the length: 4, 8, 16, 32 bytes. */
#define DEV_ALL         1
#define DEV_SELECT      2
#define DEV_START       3
#define DEV_END         4
#define DEV_ALIAS       66
#define DEV_ALIAS_START 67
#define DEV_EXT         70
#define DEV_EXT_START   71
#define DEV_SPECIAL     72
#define DEV_ACPI        240
#define DEV_ACPI_SIZE   22 /* and a name of as many bytes as the last says */

#define DEVICE_MAX      0xffff

static bool is_ivmd(const u8 *start)
{
	return start[0] >= TYPE_IVMD_FIRST && start[0] <= TYPE_IVMD_LAST;
}

/* Where an IVHD's device entries begin; 0 for other types. */
static u32 entries_at(const u8 *start)
{
	if (start[0] == TYPE_IVHD)
		return IVHD_SIZE;
	return start[0] == TYPE_IVHD_EFR || start[0] == TYPE_IVHD_ACPI ? IVHD_EFR_SIZE : 0;
}

static u32 least_size(const u8 *start)
{
	u32 entries = entries_at(start);

	return entries ? entries : is_ivmd(start) ? IVMD_SIZE : 4;
}

static const char *add_unit(const u8 *start, struct iommu *iommu)
{
	struct iommu_unit *unit;
	u64 base;

	if (!entries_at(start))
		return NULL;
	base = iommu_get(start + IVHD_BASE, 8);
	if (!base || base % KIB(16))
		return "a unit has no address";
	unit = iommu_add(iommu, base);
	if (!unit)
		return "there are more units than notrap knows";
	unit->segment = (u16)iommu_get(start + IVHD_SEGMENT, 2);
	unit->flags = start[IVHD_FLAGS];
	return NULL;
}

const char *ivrs_parse(const u8 *ivrs, u32 size, struct iommu *iommu)
{
	return iommu_parse(ivrs, size, least_size, add_unit, iommu);
}

void ivrs_each_reserved(const u8 *ivrs, u32 size, iommu_range_visit visit, void *ctx)
{
	struct iommu_entry b;

	for (u32 at = IOMMU_ENTRIES; iommu_next(ivrs, size, &at, least_size, &b);) {
		u64 start;

		if (!is_ivmd(b.start))
			continue;
		start = iommu_get(b.start + IVMD_START, 8);
		visit(ctx, start, start + iommu_get(b.start + IVMD_LENGTH, 8));
	}
}

/* Bytes of the device entry at e, of which `left` are there; 0 when it is broken. */
static u32 entry_size(const u8 *e, u32 left)
{
	u32 size = 4U << (e[0] >> 6);

	if (e[0] == DEV_ACPI)
		size = left < DEV_ACPI_SIZE ? 0 : DEV_ACPI_SIZE + e[DEV_ACPI_SIZE - 1];
	return size <= left ? size : 0;
}

static void visit_devices(const struct iommu_entry *b, iommu_device_visit visit, void *ctx)
{
	u32 first = 0, size;
	u8 flags = 0;

	for (u32 at = entries_at(b->start); at < b->size; at += size) {
		const u8 *e = b->start + at;
		u32 device;

		size = entry_size(e, b->size - at);
		if (!size)
			return;
		device = (u32)iommu_get(e + 1, 2);
		switch (e[0]) {
		case DEV_ALL:
			visit(ctx, 0, DEVICE_MAX, e[3]);
			break;
		case DEV_ALIAS:
			visit(ctx, (u32)iommu_get(e + 5, 2), (u32)iommu_get(e + 5, 2), e[3]);
			visit(ctx, device, device, e[3]);
			break;
		case DEV_SELECT:
		case DEV_EXT:
		case DEV_ACPI:
			visit(ctx, device, device, e[3]);
			break;
		case DEV_SPECIAL:
			visit(ctx, (u32)iommu_get(e + 5, 2), (u32)iommu_get(e + 5, 2), e[3]);
			break;
		case DEV_ALIAS_START:
			visit(ctx, (u32)iommu_get(e + 5, 2), (u32)iommu_get(e + 5, 2), e[3]);
			/* fall through */
		case DEV_START:
		case DEV_EXT_START:
			first = device;
			flags = e[3];
			break;
		case DEV_END:
			if (first <= device)
				visit(ctx, first, device, flags);
			break;
		default: /* padding, or of a later time */
			break;
		}
	}
}

void ivrs_each_device(const u8 *ivrs, u32 size, iommu_device_visit visit, void *ctx)
{
	struct iommu_entry b;

	for (u32 at = IOMMU_ENTRIES; iommu_next(ivrs, size, &at, least_size, &b);)
		if (entries_at(b.start))
			visit_devices(&b, visit, ctx);
}
