/* SPDX-License-Identifier: MIT */
/* From the boot loader's machine to a running guest. */
#ifndef GUEST_START_MACHINE_H
#define GUEST_START_MACHINE_H

#include "guest/machine/backend.h"
#include "guest/machine/machine.h"

/*
 * Take the machine with the vendor's backend: probe the CPU, set memory aside, prove the traps, load
 * the guest and run it.
 * Returns only on an error, -1 after its fail() line.
 */
int machine_start(const struct bootinfo *boot, const struct options *opt,
		  const struct backend *ops);

#endif
