/* SPDX-License-Identifier: MIT */
/* Bits of paging-structure entries that only the shadow MMU needs names for: SDM vol. 3A 4.5. */
#ifndef MM_GUEST_PTE_H
#define MM_GUEST_PTE_H

#include "arch/cpu.h"

#define PTE_ADDR     GENMASK(51, 12)
#define PTE_PK       GENMASK(62, 59)
#define PTE_PK_SHIFT 59

#endif
