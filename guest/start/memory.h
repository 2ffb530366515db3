/* SPDX-License-Identifier: MIT */
/* The hypervisor's share of the machine's memory. */
#ifndef GUEST_START_MEMORY_H
#define GUEST_START_MEMORY_H

#include "guest/machine/machine.h"

/*
 * Take the hypervisor's memory out of the guest's map: its image and a pool for the other CPUs,
 * the IOMMUs and the MMU, as high as there is room below 4 GiB; extend the direct map to all of RAM. Fills
 * machine->guest_map and machine->hidden.
 *
 * Returns 0 and the pool that is left for smp_park() and the MMU; or -1 after a fail() line (too
 * little memory).
 */
int memory_take(struct machine *machine, const struct bootinfo *boot, u64 *pool_hpa,
		u64 *pool_size);

#endif
