/* SPDX-License-Identifier: MIT */
/* The little that a guest kernel reads of ACPI. */
#ifndef GUEST_LIB_ACPI_H
#define GUEST_LIB_ACPI_H

#include "guest/builtin/lib/power.h"

/*
 * The FADT (ACPI 6.4, 5.2.9), mapped; NULL when the machine has none. told: where the loader says that
 * the RSDP is, or 0.
 */
const u8 *acpi_fadt(u64 told);

/* How soft-off is switched on (ACPI 6.4, 7.4.2). False when the tables do not say. */
bool acpi_soft_off(u64 told, struct soft_off *out);

#endif
