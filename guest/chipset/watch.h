/* SPDX-License-Identifier: MIT */
/*
 * Registers in memory that are written for the guest: PCI's configuration space (ECAM), and what ends
 * or sleeps the machine where firmware has put that in memory. The guest reads them itself.
 */
#ifndef GUEST_CHIPSET_WATCH_H
#define GUEST_CHIPSET_WATCH_H

#include "guest/machine/machine.h"

/* The guest's access to such registers, by an instruction that is carried out. size: 1 to 16 bytes. */
void watched_read(const struct machine *machine, u64 gpa, void *to, u32 size);
void watched_write(struct machine *machine, u64 gpa, const void *from, u32 size);

/* Say, once, that a write to one is none that can be carried out. */
void watched_unknown(struct machine *machine, u64 gpa, u64 rip);

#endif
