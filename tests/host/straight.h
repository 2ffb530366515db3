/* SPDX-License-Identifier: MIT */
/*
 * The straight ways of page faults (mmu_fault_straight()) against the general one: both are gone from the same state,
 * and have to leave the same: every table, list and counter, what the hardware has to follow, and guest memory. One
 * that is not straight has to leave all as it was.
 */
#ifndef TESTS_HOST_STRAIGHT_H
#define TESTS_HOST_STRAIGHT_H

#include "tests/host/sim.h"

/*
 * A fault of the guest's that exits. MMU_NOT_STRAIGHT: nothing is done. Else all is, the write included, and *pfec is
 * the guest's where the fault is its own. What differs fails the step.
 */
enum mmu_straight_way straight_fault(struct sim *s, const struct ref_access *a, const void *data,
				     u32 size, u32 *pfec);

#endif
