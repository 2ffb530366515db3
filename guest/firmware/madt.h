/* SPDX-License-Identifier: MIT */
/* The CPUs that the firmware lists: ACPI's MADT (ACPI 6.4, 5.2.12). */
#ifndef GUEST_FIRMWARE_MADT_H
#define GUEST_FIRMWARE_MADT_H

#include "guest/bootinfo.h"

/*
 * Call visit() for every CPU that the firmware says can be used, this one among them. One that is
 * listed twice is visited twice. Malformed tables end where they stop making sense.
 */
void madt_each(const struct bootinfo *boot, void (*visit)(void *ctx, u32 apic_id), void *ctx);

/* Call visit() for every I/O APIC's address. */
void madt_each_io_apic(const struct bootinfo *boot, void (*visit)(void *ctx, u32 hpa), void *ctx);

/*
 * Make the entries of all CPUs but that with the local APIC ID `own` nobody's, in the tables
 * themselves, those included that could be switched on later; mend the checksums.
 *
 * Returns 0; or -1 when a table does not keep what is written to it. Says nothing.
 */
int madt_hide_others(const struct bootinfo *boot, u32 own);

#endif
