/* SPDX-License-Identifier: MIT */
/*
 * The machine's other CPUs. The guest owns its CPU's local APIC, so that it could start them with
 * INIT and start-up IPIs and have them run its code outside of the hypervisor: notrap starts them
 * first, and parks them where neither reaches them.
 */
#ifndef GUEST_CPUS_PARK_H
#define GUEST_CPUS_PARK_H

#include "guest/bootinfo.h"
#include "guest/machine/machine.h"

/* Bytes that park_cpus() needs for the CPUs that the firmware lists. */
u64 park_memory_size(const struct bootinfo *boot);

/*
 * Prepare the CPU that runs the guest: its local APIC is on, and an SMI does not run what is the
 * guest's. To be called before enable() on this CPU. Returns 0, or -1 after a fail() line.
 */
int park_prepare(const struct machine *machine);

/*
 * Start every CPU but this one, whether the firmware lists it or not, and park it: in long mode on
 * the hypervisor's tables, enabled as the backend does it, INIT blocked (which is tried), halted, NMIs
 * and machine checks counted. Where INIT cannot be blocked, the guest's are watched from then on, which
 * a line says. Then mark all but this one as disabled in the firmware's MADT, for the guest to
 * find the machine as it will be. To be called after enable() on this CPU.
 *
 * *pool_hpa, *pool_size: memory, of which what the CPUs need is taken from the front.
 * Returns 0; or -1 after a fail() line when a CPU that the firmware lists has not been parked: the
 * guest must not run then.
 */
int park_cpus(struct machine *machine, const struct bootinfo *boot, u64 *pool_hpa, u64 *pool_size);

/* A line with what has reached parked CPUs, if anything has. */
void park_report(void);

#endif
