/* SPDX-License-Identifier: MIT */
/*
 * The straight way of a write to a table (mmu_find_straight()), or of a load of CR3 (mmu_switch_cr3()), against the
 * general one: both are gone from the same state, and have to leave the same: every table, list and counter, and
 * guest memory.
 */
#ifndef TESTS_HOST_STRAIGHT_H
#define TESTS_HOST_STRAIGHT_H

#include "tests/host/sim.h"

/*
 * A fault of the guest's that exits, by a write of data. False, and nothing is done: it is none that goes the
 * straight way. Else the write is done; what differs fails the step.
 */
bool straight_write(struct sim *s, const struct ref_access *a, const void *data, u32 size,
		    u32 pfec);

/*
 * A load of CR3 with a value that the CPU takes; cr3: what it reads as then. False, and nothing is done: there is
 * no straight way. Else it is done but for the order of the tables in use, and what they are stamped with, which
 * need not be the same.
 */
bool straight_cr3(struct sim *s, u64 value, u64 cr3);

/* INVLPG, where it exits: the same of mmu_invlpg_straight(), with nothing left out. */
bool straight_invlpg(struct sim *s, u64 gva);

#endif
