/* SPDX-License-Identifier: MIT */
/* What guest/iommu/ keeps of a machine. */
#ifndef GUEST_MACHINE_IOMMU_STATE_H
#define GUEST_MACHINE_IOMMU_STATE_H

#include "arch/types.h"

#define IOMMU_UNITS_MAX 32
/* Devices whose first blocked access gets a line; those of the rest are only counted. */
#define IOMMU_REPORTED_MAX 16

enum iommu_kind { IOMMU_NONE, IOMMU_VTD, IOMMU_AMDVI };

struct iommu_unit {
	u64 base, size; /* its registers: physical, bytes */
	u16 segment;    /* PCI segment group */
	u8 flags;       /* of its DRHD or IVHD */
	u32 faults;     /* VT-d: where the fault recording registers are */
	u32 nr_faults;  /* VT-d: how many; AMD: the event log's next entry */
	u64 log;        /* AMD: the event log's physical address */
	bool on;
};

struct iommu {
	enum iommu_kind kind;
	u32 nr_units;
	struct iommu_unit unit[IOMMU_UNITS_MAX];
	u32 levels, leaf; /* of the tables; the largest page is a leaf of that level: 1, 2, 3 */
	u64 end;          /* devices reach [0, end) but for the holes */
	u32 nr_reported;
	u32 reported[IOMMU_REPORTED_MAX]; /* segment 31:16, source ID 15:0 */
};

#endif
