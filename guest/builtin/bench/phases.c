/* SPDX-License-Identifier: MIT */
/* The phases, and how the result of each is checked. */
#include "guest/builtin/bench/region.h"

/* Every entry of the phase's pages has exactly these flags; none: the entry is zero. */
static const char *verify_ptes(u64 flags)
{
	for (u32 i = first_page(); i < region.pages; i++)
		if (*pte_at(i) != (flags ? (region.frames + i * PAGE_SIZE) | flags : 0))
			return "a page-table entry is wrong";
	return NULL;
}

static const char *verify_words(bool written)
{
	for (u32 i = first_page(); i < region.pages; i++)
		if (*word_at(i) != (written ? page_va(i) : MARKER + i))
			return "a page's contents are wrong";
	return NULL;
}

static const char *verify_nothing(void)
{
	return NULL;
}

static const char *verify_unmapped(void)
{
	return verify_ptes(0);
}

static const char *verify_skipped(void)
{
	const char *why = verify_ptes(0);

	return why ? why : verify_words(false);
}

static const char *verify_written(void)
{
	const char *why = verify_ptes(LEAF);

	return why ? why : verify_words(true);
}

static const char *verify_written_by_user(void)
{
	const char *why = verify_ptes(LEAF | PTE_U);

	return why ? why : verify_words(true);
}

static const char *verify_mapped(void)
{
	const char *why = verify_ptes(LEAF);

	return why ? why : verify_words(false);
}

static const char *verify_protected(void)
{
	return verify_ptes(LEAF & ~PTE_W);
}

static const char *verify_accessed(void)
{
	const char *why = verify_ptes(PTE_P | PTE_W | PTE_A);

	return why ? why : verify_words(false);
}

static const char *verify_touched(void)
{
	for (u32 i = 0; i < TOUCH_PAGES; i++)
		if (*word_at(i) != page_va(i))
			return "a page's contents are wrong";
	return NULL;
}

/* The last address space, as its tables tell it. */
static const char *verify_space(void)
{
	const u64 *pte = ptr(region.spare + 4 * PAGE_SIZE - SPACE_PAGES * 8);
	const u64 *upper = ptr(region.spare);

	for (u32 i = 0; i < SPACE_PAGES; i++)
		if (pte[i] != ((region.frames + (first_page() + i) * PAGE_SIZE) | LEAF))
			return "a page-table entry is wrong";
	for (u32 t = 0; t < 3; t++)
		if (upper[t * 512 + 511] != ((region.spare + (t + 1) * PAGE_SIZE) | UPPER))
			return "an upper entry is wrong";
	return verify_words(true);
}

static const char *verify_copied(u32 copied)
{
	const u64 *copy = ptr(region.spare);

	for (u32 i = 0; i < copied; i++)
		if (copy[i] != ((region.frames + (first_page() + i) * PAGE_SIZE) | (LEAF & ~PTE_W)))
			return "a copied entry is wrong";
	return NULL;
}

static const char *verify_fork(void)
{
	const char *why = verify_copied(FORK_PAGES);

	return why ? why : verify_written();
}

static const char *verify_mixed(void)
{
	const char *why = verify_copied(MIXED_PAGES);

	why = why ? why : verify_ptes(0);
	return why ? why : verify_words(true);
}

const struct phase phases[] = {
	{"null_exit", loop_cpuid, NULL, prepare_nothing, verify_nothing, 1, 0, 0},
	{"skip_fault", loop_same, handler_skip, prepare_unmapped, verify_skipped, 1, 1, 0},
	{"demand", loop_write, handler_demand, prepare_unmapped, verify_written, 1, 1, 0},
	{"clear_invlpg", loop_clear_invlpg, NULL, prepare_touched, verify_unmapped, 1, 0, 0},
	{"wp_invlpg", loop_wp_invlpg, NULL, prepare_touched, verify_protected, 1, 0, 0},
	{"cow", loop_write, handler_cow, prepare_protected, verify_written, 1, 1, 0},
	{"bulk_clear", loop_bulk_clear, NULL, prepare_touched, verify_unmapped, 1, 0, 0},
	{"bulk_map", loop_bulk_map, NULL, prepare_unmapped, verify_mapped, 1, 0, 0},
	{"first_touch", loop_touch, NULL, prepare_just_mapped, verify_written, 1, 0, 0},
	{"first_read", loop_read, NULL, prepare_clean, verify_accessed, 1, 0, 0},
	{"first_write", loop_touch, NULL, prepare_read, verify_written, 1, 0, 0},
	{"cr3_read", loop_cr3_read, NULL, prepare_nothing, verify_nothing, 1, 0, 0},
	{"cr3_reload", loop_cr3, NULL, prepare_mapped, verify_nothing, 1, 0, 0},
	{"cr3_switch", loop_cr3_switch, NULL, prepare_mapped, verify_nothing, 1, 0, 0},
	{"cr3_touch", loop_cr3_touch, NULL, prepare_mapped, verify_touched, 1, 0, 0},
	{"space", loop_space, handler_demand, prepare_mapped, verify_space, 16, SPACE_PAGES,
	 SPACE_PAGES},
	{"fork", loop_fork, handler_cow, prepare_touched, verify_fork, 64, FORK_PAGES, FORK_PAGES},
	{"mixed", loop_mixed, handler_mixed, prepare_unmapped, verify_mixed, 64,
	 MIXED_PAGES + FORK_PAGES, MIXED_PAGES},
	{"cow_user", loop_write_user, handler_cow, prepare_user, verify_written_by_user, 1, 1, 0},
};

const u32 phase_count = ARRAY_SIZE(phases);
