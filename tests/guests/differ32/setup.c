/* SPDX-License-Identifier: MIT */
/* Two-level and PAE paging, one after the other. */
#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "tests/guests/differ/differ.h"

#define USER_CODE 0x30000000 /* under PDPTE 0, which is the kernel's */

extern const char ops_start[], ops_end[];

static const struct {
	enum paging kind;
	struct format format;
} modes[] = {
	{PAGING_TWO_LEVEL,
	 {
		 .name = "32",
		 .levels = 2,
		 .index_bits = 10,
		 .entry_bytes = 4,
		 .slot = {0, 1, 2, 600, 601, 768, 1022, 1023},
		 .root_slot = {600, 601, 768, 1022},
		 .root_slots = 4,
		 .root_last = 255,
		 .user_code = USER_CODE,
	 }},
	{PAGING_PAE,
	 {
		 .name = "pae",
		 .levels = 3,
		 .index_bits = 9,
		 .entry_bytes = 8,
		 .slot = {0, 1, 2, 3, 16, 17, 300, 511},
		 .root_slot = {1, 2, 3},
		 .root_slots = 3,
		 .root_last = 0,
		 .user_code = USER_CODE,
	 }},
};

static bool wanted(const char *name)
{
	const char *mode = guest_option("mode");

	return !mode || strncmp(mode, name, strlen(name)) == 0;
}

bool setup_mode(u32 n)
{
	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		u64 page;

		if (!wanted(modes[i].format.name) || n--)
			continue;
		format = modes[i].format;
		paging_switch(modes[i].kind);
		page = page_alloc(1, PAGE_SIZE);
		memcpy(ptr(page), ops_start, (size_t)(ops_end - ops_start));
		entry_set(entry_of(USER_CODE, 1), page | PTE_P | PTE_U | PTE_A);
		return true;
	}
	return false;
}

void setup_end(void)
{
	write_cr0(read_cr0() | CR0_WP);
	write_cr4(read_cr4() & ~(CR4_SMEP | CR4_SMAP | CR4_PGE));
	paging_switch(PAGING_OFF);
}
