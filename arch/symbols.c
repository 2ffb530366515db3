/* SPDX-License-Identifier: MIT */
/* Lookup in the table that tools/mksyms makes between the two links of the image. */
#include "arch/symbols.h"

/* Offsets from _image_start, ascending; offsets into ksym_strings. */
extern const u32 ksym_count, ksym_addr[], ksym_name[];
extern const char ksym_strings[];

const char *symbol_find(u64 addr, u64 *offset)
{
	u64 off = addr - (u64)_image_start;
	u32 low = 0, high = ksym_count;

	if (off >= (u64)(_rodata_start - _image_start))
		return NULL;
	/* Everything before low is at or below off, everything from high on above. */
	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (ksym_addr[mid] <= off)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0)
		return NULL;
	*offset = off - ksym_addr[low - 1];
	return ksym_strings + ksym_name[low - 1];
}
