/* SPDX-License-Identifier: MIT */
/* The ways a machine ends, and what is said of it before. */
#ifndef GUEST_CHIPSET_END_H
#define GUEST_CHIPSET_END_H

#include "guest/machine/machine.h"

/* What there is to tell of a run: its start, parked CPUs, counters. */
void machine_report(struct machine *machine);

/*
 * The report, and a line that says what comes next, all of it out on the console. That takes longer than an
 * exit may: for those that do not return to the guest.
 */
void machine_last_words(struct machine *machine, const char *what);

/* Report, then switch the machine off by ACPI (S5); halts where that is not possible. */
NORETURN void machine_power_off(struct machine *machine);

/* The rest of it: by PM1, as far as the ACPI tables tell; then wait for the machine to go off. */
NORETURN void machine_soft_off(const struct acpi_power *power);

/* Report, then reset the machine. */
NORETURN void machine_reset(struct machine *machine);

#endif
