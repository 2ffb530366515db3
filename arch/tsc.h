/* SPDX-License-Identifier: MIT */
/* The rate of the time-stamp counter. */
#ifndef ARCH_TSC_H
#define ARCH_TSC_H

#include "arch/types.h"

/*
 * Ticks of the TSC in a second, measured against channel 2 of the PIT over 10 ms; before the guest
 * owns it. Where there is no PIT, what CPUID leaf 16h says of the base frequency; 0 when that does not
 * tell either.
 */
u64 tsc_hz(void);

#endif
