/* SPDX-License-Identifier: MIT */
/* Which SMIs a guest may ask for. */
#ifndef GUEST_SMI_H
#define GUEST_SMI_H

#include "guest/acpi.h"

/* True for what the FADT offers to an operating system on its SMI command port (ACPI 6.4, table 5.9). */
bool smi_is_allowed(const struct acpi_power *power, u16 port, u8 command);

#endif
