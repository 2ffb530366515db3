/* SPDX-License-Identifier: MIT */
/* Four-level paging. */
#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "tests/guests/differ/differ.h"

#define USER_CODE (256ULL << 30) /* under the root's entry 0 */

extern const char ops_start[], ops_end[];

bool setup_mode(u32 n)
{
	const char *mode = guest_option("mode");
	u64 page;

	if (n || (mode && strncmp(mode, "64", 2) != 0))
		return false;
	format = (struct format){
		.name = "64",
		.levels = 4,
		.index_bits = 9,
		.entry_bytes = 8,
		.slot = {0, 1, 2, 16, 17, 18, 300, 511},
		.root_slot = {16, 17, 18, 300},
		.root_slots = 4,
		.root_last = 0,
		.user_code = USER_CODE,
	};
	page = page_alloc(1, PAGE_SIZE);
	memcpy(ptr(page), ops_start, (size_t)(ops_end - ops_start));
	*entry_of(paging_root, USER_CODE, 1) = page | PTE_P | PTE_U | PTE_A;
	return true;
}

void setup_end(void)
{
	write_cr0(read_cr0() | CR0_WP);
	write_cr4(read_cr4() & ~(CR4_SMEP | CR4_SMAP | CR4_PGE));
	write_cr3(paging_root);
}
