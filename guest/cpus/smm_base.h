/* SPDX-License-Identifier: MIT */
/*
 * Where this CPU goes on at an SMI. A reset leaves SMM's base at 30000h, in RAM that is the guest's; firmware
 * is to move it, and there is some that does not for every CPU. SDM vol. 3C 32.4, 32.11; APM vol. 2 10.3.
 */
#ifndef GUEST_CPUS_SMM_BASE_H
#define GUEST_CPUS_SMM_BASE_H

#include "arch/types.h"

/* What a CPU with the base of a reset runs and writes. */
#define SMM_RESET_START 0x38000
#define SMM_RESET_END   0x40000

/* What of SMM's 64 KiB is used: from its entry on. */
#define SMM_ROOM_SIZE KIB(32)

/*
 * Move this CPU's base to where its entry is at `room`, SMM_ROOM_SIZE bytes of the hypervisor's own below
 * 4 GiB, page aligned, which stay in use from then on if it was at 30000h; SMIs do nothing then. Which is
 * found out by an SMI, unless the CPU tells that firmware has moved it. The RAM there is as it was
 * afterwards.
 *
 * amd: the CPU is as AMD's manual has it. To be called by one CPU at a time, with its local APIC on, where
 * SMIs come: before the backend's enable().
 */
void smm_base_move(void *room, bool amd);

/* A line with how many CPUs were moved, if any; and one with how many could not be. */
void smm_base_report(void);

#endif
