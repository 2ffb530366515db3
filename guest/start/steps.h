/* SPDX-License-Identifier: MIT */
/* The steps of machine_start(), in their order. */
#ifndef GUEST_START_STEPS_H
#define GUEST_START_STEPS_H

#include "guest/load/load.h"
#include "guest/machine/backend.h"
#include "guest/machine/machine.h"

/*
 * MAXPHYADDR without the bits that name an encryption key instead of a place (Intel TME-MK): by another
 * key each page would have one more address, hidden memory too.
 *
 * maxphyaddr: CPUID 80000008h EAX bits 7:0. tme: the CPU has TME (CPUID 7 ECX bit 13). tme_activate:
 * IA32_TME_ACTIVATE, if so (SDM vol. 4 table 2-2). Touches no hardware.
 */
u8 phys_bits_without_keys(u8 maxphyaddr, bool tme, u64 tme_activate);

/* This machine's. AMD's C-bit takes none: a machine with SME on is refused. */
u8 phys_bits(void);

/*
 * Take the hypervisor's memory out of the guest's map: its image and a pool for the other CPUs,
 * the IOMMUs and the MMU, as high as there is room below 4 GiB; extend the direct map to all of RAM. Fills
 * m->guest_map and machine->hidden.
 *
 * Returns 0 and the pool that is left for park_cpus() and the MMU; or -1 after a fail() line (too
 * little memory).
 */
int memory_take(struct machine *m, const struct bootinfo *boot, u64 *pool_hpa, u64 *pool_size);

/*
 * The boot's proof that what has to leave the guest does leave it: run each instruction that isolation rests
 * on once in a guest context. The virtual CPU is set up for shadow paging, ports and MSRs are intercepted,
 * its struct mmu_vcpu is set up but has no guest yet. Overwrites every register of the guest's.
 *
 * Returns 0, or -1 after a fail() line that names the first one that does not exit.
 */
int prove_exits(struct vcpu *v);

/*
 * Nested paging, in place of the self-test and the shadow tables. config: what a shadow MMU would get.
 * Returns 0, or -1 after a fail() line.
 */
int prepare_nested(struct vcpu *v, const struct mmu_config *config);

/* All segments flat, with these selectors for code and for data, and a task. */
void set_flat_segments(struct vcpu *v, u16 cs, u16 ds, bool long_mode);

/* Put a virtual CPU, whose MMU is set up, into the state that a loader asks for. */
void vcpu_start(struct vcpu *v, const struct guest_start *start);

#endif
