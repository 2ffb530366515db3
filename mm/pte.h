/* SPDX-License-Identifier: MIT */
/* Bits of paging-structure entries, guest's and shadow's alike: SDM vol. 3A 4.3 to 4.5. */
#ifndef MM_PTE_H
#define MM_PTE_H

#include "arch/types.h"

#define PTE_P         BIT(0)
#define PTE_W         BIT(1)
#define PTE_U         BIT(2)
#define PTE_PWT       BIT(3)
#define PTE_PCD       BIT(4)
#define PTE_A         BIT(5)
#define PTE_D         BIT(6)
#define PTE_PS        BIT(7) /* levels 2 and 3 */
#define PTE_PAT       BIT(7) /* level 1 */
#define PTE_G         BIT(8)
#define PTE_PAT_LARGE BIT(12)
#define PTE_ADDR      GENMASK(51, 12)
#define PTE_PK        GENMASK(62, 59)
#define PTE_PK_SHIFT  59
#define PTE_NX        BIT(63)

/* Page-fault error code: SDM vol. 3A 4.7. */
#define PFEC_P    BIT(0)
#define PFEC_W    BIT(1)
#define PFEC_U    BIT(2)
#define PFEC_RSVD BIT(3)
#define PFEC_I    BIT(4)
#define PFEC_PK   BIT(5)

#endif
