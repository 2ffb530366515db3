/* SPDX-License-Identifier: MIT */
/* The table of CPUs that kernels without ACPI read: MultiProcessor Specification 1.4, 4. */
#ifndef GUEST_FIRMWARE_MPTABLE_H
#define GUEST_FIRMWARE_MPTABLE_H

#include "guest/bootinfo.h"

/*
 * Take all CPUs but that with the local APIC ID `own` out of the BIOS's MP tables, and mend lengths
 * and checksums. A table that cannot be mended so, because it is a default configuration (of two
 * CPUs) or makes no sense, is no longer to be found.
 *
 * Returns 0; or -1 when write-protected memory keeps what it has. Says nothing.
 */
int mp_hide_others(const struct bootinfo *boot, u32 own);

#endif
