/* SPDX-License-Identifier: MIT */
/* The extended BIOS data area, whose first KiB may hold the firmware's pointers. */
#ifndef GUEST_FIRMWARE_EBDA_H
#define GUEST_FIRMWARE_EBDA_H

#include "arch/string.h"
#include "mm/phys/phys.h"

/* Its physical address, by the BIOS data area's word at 40:0e; 0 where that is no segment of one. */
static inline u64 ebda_start(void)
{
	u16 segment;
	u64 start;

	memcpy(&segment, phys_ptr(0x40e), sizeof(segment));
	start = (u64)segment << 4;
	return start >= KIB(512) && start <= KIB(639) ? start : 0;
}

#endif
