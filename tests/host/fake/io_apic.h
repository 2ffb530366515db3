/* SPDX-License-Identifier: MIT */
/* What guest/cpus/ipi.c asks of a machine: one I/O APIC, and memory that can be watched. */
#ifndef TESTS_HOST_FAKE_IO_APIC_H
#define TESTS_HOST_FAKE_IO_APIC_H

#include "arch/types.h"

#define FAKE_IO_APIC 0xfec00000

/* Its first register, which selects another; it has no other. */
extern u32 io_select;

#endif
