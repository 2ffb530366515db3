/* SPDX-License-Identifier: MIT */
/* The guest's writes to MTRRs. */
#ifndef GUEST_MTRR_H
#define GUEST_MTRR_H

#include "guest/vcpu.h"

/* Set-up: note what type hidden memory has, and have writes to the MTRRs exit. */
void mtrr_intercept(struct vcpu *v);

/* A variable-range MTRR of this CPU, or IA32_MTRR_DEF_TYPE. */
bool mtrr_is(const struct machine *machine, u32 msr);

/*
 * Carry out a write. False: #GP, because the CPU refuses the value or because hidden memory would, with
 * MTRRs on, have neither the type that it came with nor write-back; a line says that the first time.
 */
bool mtrr_write(struct vcpu *v, u32 msr, u64 value);

#endif
