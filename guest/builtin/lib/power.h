/* SPDX-License-Identifier: MIT */
/* The machine's off switch on the bare machine. */
#ifndef GUEST_LIB_POWER_H
#define GUEST_LIB_POWER_H

#include "arch/types.h"

/* ACPI 6.4, 4.8.3.2.1, 4.8.2.5. */
struct soft_off {
	u16 pm1_cnt[2]; /* ports of PM1a and PM1b control; 0: none */
	u8 typ[2];      /* SLP_TYP for each */
	u16 smi_cmd;    /* the port that switches ACPI on, and its value; 0: it is on */
	u8 acpi_enable;
};

/* What power_off() is to use: handed over at the start, so that it needs nothing but ports. */
void power_set(const struct soft_off *how);

/* Power off by ACPI S5. Returns when nothing was handed over, or the machine does not go off. */
void power_off(void);

#endif
