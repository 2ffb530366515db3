/* SPDX-License-Identifier: MIT */
/*
 * DMA kept out of the hypervisor's memory: every device behind an IOMMU, Intel's VT-d or AMD's
 * AMD-Vi, is given one identity map of all that is not the hypervisor's. It is made once, at boot, and
 * never changes. Interrupts are not remapped: a device can send what the guest can with its APIC.
 */
#ifndef GUEST_IOMMU_IOMMU_H
#define GUEST_IOMMU_IOMMU_H

#include "guest/machine/machine.h"

/*
 * Find the IOMMUs in the firmware's tables (DMAR, IVRS), and read what they can do, for
 * iommu_memory_size(). To be called before memory is set aside; fills machine->iommu.
 *
 * Returns 0, with a line for each thing that leaves memory open to devices; or -1 after a fail() line
 * where there is one and iommu=require.
 */
int iommu_find(struct machine *machine, const struct bootinfo *boot);

/* Bytes of pool that iommu_start() needs, at most; 0 without an IOMMU. */
u64 iommu_memory_size(const struct iommu *iommu);

/*
 * Hide the IOMMUs' registers from the guest, build the tables, switch translation on, and take DMAR
 * and IVRS from the firmware's tables. To be called when machine->hidden and
 * machine->watched are complete but for these registers: no device reaches what is in either.
 *
 * *pool_hpa, *pool_size: memory, from the front of which the tables are taken.
 * Returns 0; or -1 after a fail() line: where a device must reach the hypervisor's memory (RMRR,
 * IVMD), or anything is left open and iommu=require.
 */
int iommu_start(struct machine *machine, const struct bootinfo *boot, u64 *pool_hpa,
		u64 *pool_size);

/* Exits from one iommu_poll() to the next. */
#define IOMMU_POLL_EXITS 256

/* Count what has been blocked since the last time (dma_blocked), a line for each device's first. */
void iommu_poll(struct machine *machine);

#endif
