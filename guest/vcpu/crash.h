/* SPDX-License-Identifier: MIT */
/* A guest that cannot go on. */
#ifndef GUEST_VCPU_CRASH_H
#define GUEST_VCPU_CRASH_H

#include "guest/machine/backend.h"

/* The guest's registers, line by line. */
void guest_dump(struct vcpu *v);
/* A crash record and the report, then a stop; the line that says why is the caller's. */
NORETURN void guest_crashed(struct vcpu *v);
/* What a triple fault does to a machine: the report, then a reset. */
NORETURN void guest_triple_fault(struct vcpu *v);

#endif
