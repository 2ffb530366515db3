/* SPDX-License-Identifier: MIT */
/*
 * Models of IOMMUs' registers, for one test: they carry out what the manuals say, and hold the driver to the order
 * that they ask for: no translation with a root or a cache that is not the driver's.
 */
#ifndef TESTS_HOST_IOMMU_MODELS_H
#define TESTS_HOST_IOMMU_MODELS_H

#include "arch/types.h"

/* VT-d, with two records of faults. */
struct vtd {
	u64 ours; /* the root that translation may be switched on with */
	u64 cap, ecap, rtaddr, root, iqa, iqh, iqt, record[4];
	u32 gsts, fsts, pmen;
	bool dead, contexts_clean, iotlb_clean, was_off, prompted;
};

extern struct vtd vtd;

u64 vtd_read(u32 offset);
void vtd_write(u32 offset, u64 value);

/* AMD-Vi. */
struct amd {
	u64 ours; /* the device table, likewise */
	u64 reg[8], head, tail, event_head, event_tail, status;
	u32 devices, pages, all;
	bool dead, was_off;
};

extern struct amd amd;

u64 amd_read(u32 offset);
void amd_write(u32 offset, u64 value);

/* What a device's access does that is not mapped: the event's two halves. */
void amd_event(u64 low, u64 high);

#endif
