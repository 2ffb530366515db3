/* SPDX-License-Identifier: MIT */
/* The judge of what the MMU writes to the guest's memory. */
#ifndef TESTS_HOST_SIM_CHANGES_H
#define TESTS_HOST_SIM_CHANGES_H

#include "tests/host/sim.h"

/* The MMU has run: what it wrote to guest memory must be A and D flags, of the current access or ahead of it. */
void judge_changes(struct sim *s);

#endif
