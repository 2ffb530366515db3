/* SPDX-License-Identifier: MIT */
/*
 * The guest's INIT and start-up IPIs, on a machine where INIT resets CPUs that are parked or run a guest:
 * it has one CPU, so that neither is ever of use. And its SMIs, which go into SMM with the guest's
 * intercepts in force there.
 */
#ifndef GUEST_CPUS_IPI_H
#define GUEST_CPUS_IPI_H

#include "guest/machine/machine.h"

/*
 * Have the guest's writes to its local APIC and to I/O APICs come to ipi_write_is_dropped(), by watched
 * memory, and with ipi_intercept() as MSRs. Before the MMU is set up.
 * Returns 0, or -1 after a fail() line.
 */
int ipi_watch(struct machine *m, const struct bootinfo *boot);

/* Whether ipi_watch() was called. */
static inline bool ipi_is_watched(const struct machine *m)
{
	return m->ipi_base;
}

/* Set-up, if so: have writes to the x2APIC's interrupt command register and local vectors exit. */
void ipi_intercept(struct vcpu *v);

/*
 * The low half of an interrupt command or of an I/O APIC's entry, a local vector, or an MSI's data: INIT,
 * start-up or SMI (SDM vol. 3A 11.5.1, 11.6.1, 11.11.2).
 */
bool ipi_leads_outside(u32 command);

/* A write to memory of size 1, 2 or 4 that must not be made: it would send such an interrupt. */
bool ipi_write_is_dropped(struct machine *m, u64 gpa, u32 value, u32 size);

/* The same for WRMSR to a register of the x2APIC's. */
bool ipi_msr_is_dropped(struct machine *m, u32 msr, u64 value);

#endif
