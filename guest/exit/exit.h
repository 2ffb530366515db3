/* SPDX-License-Identifier: MIT */
/* The room of the exits, as set-up sees it. */
#ifndef GUEST_EXIT_EXIT_H
#define GUEST_EXIT_EXIT_H

#include "guest/machine/backend.h"

/* Run the guest for good. */
NORETURN void run_guest(struct vcpu *v);

/* Set-up, before the first entry: which MSRs exit. */
void intercept_msrs(struct vcpu *v);

/*
 * Set-up, once it is known whether nested paging is used: have accesses to IA32_PAT exit where the CPU does
 * not switch it with the guest.
 */
void pat_intercept(struct vcpu *v);

/* Which control register bits and EFER bits the guest's CPU has. */
void cpuid_limits(struct machine *machine);

/*
 * Give the guest's CPU these registers, as the guest reads them, without any check: the hardware's
 * values follow from them. Then the shadow MMU takes them over.
 */
void load_paging_regs(struct vcpu *v, const struct paging_regs *regs);

#endif
