/* SPDX-License-Identifier: MIT */
/* The BIOS's area, 960 KiB to 1 MiB: RAM that the host bridge write-protects. */
#ifndef GUEST_FIRMWARE_BIOS_AREA_H
#define GUEST_FIRMWARE_BIOS_AREA_H

#include "arch/types.h"

/*
 * Let it be written, on the chipsets whose register for it is known: 440FX's and Q35's PAM0. To be
 * called on the boot CPU alone, before a guest runs.
 * Returns what bios_area_close() needs.
 */
u32 bios_area_open(void);
void bios_area_close(u32 opened);

#endif
