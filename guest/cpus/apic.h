/* SPDX-License-Identifier: MIT */
/* This CPU's local APIC, in the mode the firmware has left it in: SDM vol. 3A 11.4, 11.6, 11.12. */
#ifndef GUEST_CPUS_APIC_H
#define GUEST_CPUS_APIC_H

#include "arch/types.h"

/* Interrupt command register, low half: SDM vol. 3A figure 11-12. The vector is in bits 7:0. */
#define ICR_SMI     0x4200u
#define ICR_INIT    0x4500u /* level: assert */
#define ICR_STARTUP 0x4600u
#define ICR_OTHERS  0xc0000u /* shorthand: all CPUs but this one */

/* Returns 0 when the local APIC is switched on and within reach; or -1 after a fail() line. */
int apic_check(void);

/* The ID that other CPUs reach this one by: 8 bits in xAPIC mode, 32 in x2APIC mode. */
u32 apic_id(void);

/*
 * Send an interprocessor interrupt.
 *
 * icr: the low half of the interrupt command register; without a shorthand for its destination that is the
 * CPU of this ID.
 * Returns when the local APIC has sent it, or does not say so in a long while.
 */
void apic_send_to(u32 id, u32 icr);

/* The same with a shorthand. */
static inline void apic_send(u32 icr)
{
	apic_send_to(0, icr);
}

#endif
