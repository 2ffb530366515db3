/* SPDX-License-Identifier: MIT */
/* How many bits a physical address has. */
#ifndef GUEST_START_PHYS_BITS_H
#define GUEST_START_PHYS_BITS_H

#include "arch/types.h"

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

#endif
