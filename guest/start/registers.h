/* SPDX-License-Identifier: MIT */
/* The guest's registers at its first instruction. */
#ifndef GUEST_START_REGISTERS_H
#define GUEST_START_REGISTERS_H

#include "guest/load/load.h"
#include "guest/machine/vcpu.h"

/* Put a virtual CPU, whose MMU is set up, into the state that a loader asks for. */
void vcpu_start(struct vcpu *v, const struct guest_start *start);

#endif
