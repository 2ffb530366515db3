/* SPDX-License-Identifier: MIT */
/*
 * The machine's chipset is the guest's, but for what would reach past the hypervisor: registers that
 * move memory, SMRAM or the PM registers, that reset or sleep, SMIs, the A20 gate, QEMU's own DMA.
 */
#ifndef GUEST_CHIPSET_CHIPSET_H
#define GUEST_CHIPSET_CHIPSET_H

#include "guest/machine/machine.h"

/*
 * Find what has to be watched, by the firmware's tables and the chipset's own registers, and close what
 * is open. After memory_take(), and before the MMU is set up.
 * Returns 0, or -1 after a fail() line.
 */
int chipset_prepare(struct machine *machine, const struct bootinfo *boot);

/* The parts of chipset_prepare(). */
void a20_watch(struct machine *machine);
void cmos_watch(struct machine *machine);
/* Before a reset: no firmware goes on where the guest says. */
void cmos_clear_shutdown(void);
void smi_watch(struct machine *machine);
void fw_cfg_watch(struct machine *machine);
void pci_watch(struct machine *machine);
int ecam_watch(struct machine *machine, const struct bootinfo *boot);
int fch_watch(struct machine *machine);
void smram_lock(void);

/* fch.c. The guest's write to watched memory. False: it is refused. */
bool fch_write(struct machine *machine, u64 gpa, u32 value, u32 size);

#endif
