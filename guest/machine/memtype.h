/* SPDX-License-Identifier: MIT */
/* What type of memory the MTRRs make of an address: SDM vol. 3A 12.11; APM vol. 2 7.7. */
#ifndef GUEST_MACHINE_MEMTYPE_H
#define GUEST_MACHINE_MEMTYPE_H

#include "arch/types.h"

enum memtype {
	MEMTYPE_UC = 0,
	MEMTYPE_WC = 1,
	MEMTYPE_WT = 4,
	MEMTYPE_WP = 5,
	MEMTYPE_WB = 6,
	MEMTYPE_MIXED = 0xff, /* more than one, or none that the manual defines */
};

/* PHYSBASE and PHYSMASK pairs, which end where the fixed-range MTRRs begin. */
#define MTRR_VARIABLE_MAX 40

/* IA32_MTRR_DEF_TYPE and the pairs, as read. Fixed ranges decide below 1 MiB alone. */
struct mtrrs {
	u64 def_type;
	u32 nr;
	struct {
		u64 base, mask;
	} var[MTRR_VARIABLE_MAX];
};

#define MTRR_DEF_TYPE_E BIT(11)
#define MTRR_MASK_VALID BIT(11)

/*
 * The type of all of [start, end), which is not empty and above 1 MiB.
 *
 * maxphyaddr: bits. Touches no hardware; as many steps as pairs begin or end in there, squared.
 */
enum memtype mtrr_memtype(const struct mtrrs *m, u64 start, u64 end, u8 maxphyaddr);

#endif
