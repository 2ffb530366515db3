/* SPDX-License-Identifier: MIT */
/* The boot's proof that what has to leave the guest does leave it. */
#ifndef GUEST_START_PROVE_EXITS_H
#define GUEST_START_PROVE_EXITS_H

#include "guest/machine/vcpu.h"

/*
 * Run each instruction that isolation rests on once in a guest context. The virtual CPU is set up for
 * shadow paging, ports and MSRs are intercepted, its struct mmu_vcpu is set up but has no guest yet.
 * Overwrites every register of the guest's.
 *
 * Returns 0, or -1 after a fail() line that names the first one that does not exit.
 */
int prove_exits(struct vcpu *v);

#endif
