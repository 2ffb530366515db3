/* SPDX-License-Identifier: MIT */
/* An index that a guest has chosen, safe where its check was mispredicted. */
#ifndef ARCH_INDEX_H
#define ARCH_INDEX_H

#include "arch/types.h"

/*
 * `index` where it is below `size`, else 0, without a branch: speculation past "index < size" reads
 * element 0, and nothing out of bounds. To be used behind that check.
 */
static inline u64 index_clamp(u64 index, u64 size)
{
	u64 mask;

	__asm__ volatile("cmp %2, %1\n\t"
			 "sbb %0, %0"
			 : "=r"(mask)
			 : "r"(index), "r"(size)
			 : "cc");
	return index & mask;
}

#endif
