/* SPDX-License-Identifier: MIT */
/* What the hardware runs with, and what software has of it. */
#ifndef GUEST_VCPU_HARDWARE_H
#define GUEST_VCPU_HARDWARE_H

#include "guest/machine/backend.h"

/* Make the hardware follow what the shadow MMU has decided. */
void commit_hardware(struct vcpu *v);

/* Take over the paging registers that the guest changes without an exit, for a walk of its tables. */
void follow_paging_regs(struct vcpu *v);
/* load_paging_regs()'s last part. */
void load_nested_regs(struct vcpu *v, const struct paging_regs *regs);

#endif
