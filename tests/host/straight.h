/* SPDX-License-Identifier: MIT */
/*
 * The straight ways of page faults (mmu_fault_straight()), loads of CR3 (mmu_switch_cr3()) and INVLPG against the
 * general ones: both are gone from the same state, and have to leave the same: every table, list and counter, what the
 * hardware has to follow, and guest memory. One that is not straight has to leave all as it was.
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

/*
 * A load of CR3 with a value that the CPU takes; cr3: what it reads as then. False, and nothing is done: there is
 * no straight way. Else it is done but for the order of the tables in use, and what they are stamped with, which
 * need not be the same.
 */
bool straight_cr3(struct sim *s, u64 value, u64 cr3);

/* INVLPG, where it exits: the same of mmu_invlpg_straight(), with nothing left out. */
bool straight_invlpg(struct sim *s, u64 gva);

#endif
