/* SPDX-License-Identifier: MIT */
/* What the hardware runs with, and what software has of it. */
#ifndef GUEST_VCPU_HARDWARE_H
#define GUEST_VCPU_HARDWARE_H

#include "guest/machine/backend.h"
#include "guest/machine/paging.h"

/* Make the hardware follow what the shadow MMU has decided. */
void commit_hardware(struct vcpu *v);

/* machine->paging is one of these, chosen at the start by mmu=. */
extern const struct paging_ops shadow_paging, nested_paging;

#endif
