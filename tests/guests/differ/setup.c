/* SPDX-License-Identifier: MIT */
/* Four-level paging, and five-level paging where the CPU has it. */
#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "tests/guests/differ/differ.h"

#define USER_CODE (256ULL << 30) /* under the root's entry 0 */

extern const char ops_start[], ops_end[];

static bool has_la57(void)
{
	return cpuid(0, 0).eax >= 7 && cpuid(7, 0).ecx & CPUID_7_0_ECX_LA57;
}

bool setup_mode(u32 n)
{
	const char *mode = guest_option("mode");
	bool four = !mode || strncmp(mode, "64", 2) == 0;
	bool five = (!mode || strncmp(mode, "57", 2) == 0) && has_la57();
	u64 page;

	if (n >= (u32)four + five)
		return false;
	five = n == four;
	paging_use_levels(five ? 5 : 4);
	format = (struct format){
		.name = five ? "57" : "64",
		.levels = paging_levels,
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
	paging_use_levels(4);
}
