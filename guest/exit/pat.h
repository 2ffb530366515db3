/* SPDX-License-Identifier: MIT */
/* IA32_PAT where the hypervisor runs with the guest's: SDM vol. 3A 12.12; APM vol. 2 7.8. */
#ifndef GUEST_EXIT_PAT_H
#define GUEST_EXIT_PAT_H

#include "guest/machine/vcpu.h"

/* What the hardware gets for a guest's value: all mappings of the hypervisor's are by entry 0. */
u64 pat_for_both(u64 value);

/* Set-up, once it is known whether nested paging is used: have accesses exit where the CPU does not switch the register with the guest. */
void pat_intercept(struct vcpu *v);

/* What the guest has written last, or found. */
u64 pat_read(const struct vcpu *v);

/* False: #GP, a type that there is not. */
bool pat_write(struct vcpu *v, u64 value);

#endif
