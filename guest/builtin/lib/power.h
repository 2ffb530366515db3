/* SPDX-License-Identifier: MIT */
/* The machine's off switch on the bare machine. */
#ifndef GUEST_LIB_POWER_H
#define GUEST_LIB_POWER_H

/* The FADT (ACPI 6.4, 5.2.9), mapped; NULL when the machine has none. */
const unsigned char *power_fadt(void);

/* Power off by ACPI S5 (ACPI 6.4, 7.4.2). Returns when the machine has no such thing. */
void power_off(void);

#endif
