/* SPDX-License-Identifier: MIT */
/* The benchmark's phases: what each one starts from, and how its result is checked. */
#include "guest/builtin/bench/bench.h"

#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"

/* As Linux has them in every entry that it makes. */
#define UPPER  (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define LEAF   (PTE_P | PTE_W | PTE_A | PTE_D)
#define MARKER 0x5afec0de00000000ULL

static u32 pages;              /* in the region */
static u64 frames, ptes;       /* the region's memory and its page tables */
static u64 root2;              /* a second address space, with its own tables for the region */
static u64 spare;              /* four tables */
static const struct phase *at; /* the phase in preparation */

static u64 page_va(u32 i)
{
	return (u64)(i - (s64)pages) * PAGE_SIZE;
}

static u64 *pte_at(u32 i)
{
	return (u64 *)ptr(ptes) + i;
}

static u64 *word_at(u32 i)
{
	return ptr(frames + i * PAGE_SIZE);
}

static u32 first_page(void)
{
	return at->pages ? pages - at->pages : 0;
}

/* Give a root its own page tables for the region. */
static u64 make_tables(u64 root)
{
	u64 tables = page_alloc(pages / 512, PAGE_SIZE);

	for (u32 t = 0; t < pages / 512; t++)
		*entry_of(root, page_va(t * 512), 2) = (tables + t * PAGE_SIZE) | UPPER;
	return tables;
}

void region_init(u32 n)
{
	u64 *pte;

	pages = n;
	frames = page_alloc(n, PAGE_SIZE);
	ptes = make_tables(paging_root);
	root2 = new_root();
	/* The top 512 GiB were made for the first root; the second has its own. */
	pte = ptr(make_tables(root2));
	for (u32 i = 0; i < n; i++)
		pte[i] = (frames + i * PAGE_SIZE) | LEAF;
	spare = page_alloc(4, PAGE_SIZE);
}

struct bench_env region_env(const struct phase *phase)
{
	u32 first;

	at = phase;
	first = first_page();
	return (struct bench_env){
		.va = page_va(first),
		.frame = (frames + first * PAGE_SIZE) | LEAF,
		.pte = (uintptr_t)pte_at(first),
		.root = paging_root,
		.root2 = root2,
		.tables = spare,
		.ops = pages / phase->divide,
	};
}

/* Set every entry of the region to its frame and `flags`, or to nothing, and flush. */
static void set_all(u64 flags)
{
	for (u32 i = 0; i < pages; i++)
		*pte_at(i) = flags ? (frames + i * PAGE_SIZE) | flags : 0;
	reload_cr3();
}

static void touch_all(void)
{
	for (u32 i = 0; i < pages; i++)
		*(volatile u64 *)page_va(i) = page_va(i);
}

static void mark_all(void)
{
	for (u32 i = 0; i < pages; i++)
		*word_at(i) = MARKER + i;
}

static void prepare_nothing(void)
{
}

static void prepare_unmapped(void)
{
	set_all(0);
	mark_all();
}

static void prepare_mapped(void)
{
	set_all(LEAF);
	mark_all();
}

static void prepare_touched(void)
{
	set_all(LEAF);
	touch_all();
}

static void prepare_protected(void)
{
	set_all(LEAF);
	touch_all();
	set_all(LEAF & ~PTE_W);
	mark_all();
}

static void prepare_clean(void)
{
	set_all(PTE_P | PTE_W);
	mark_all();
}

static void prepare_read(void)
{
	prepare_clean();
	for (u32 i = 0; i < pages; i++)
		(void)*(volatile u64 *)page_va(i);
}

/* Mapped now, without a flush, where nothing was mapped before. */
static void prepare_just_mapped(void)
{
	prepare_unmapped();
	for (u32 i = 0; i < pages; i++)
		*pte_at(i) = (frames + i * PAGE_SIZE) | LEAF;
}

/* Every entry of the phase's pages has exactly these flags; none: the entry is zero. */
static const char *verify_ptes(u64 flags)
{
	for (u32 i = first_page(); i < pages; i++)
		if (*pte_at(i) != (flags ? (frames + i * PAGE_SIZE) | flags : 0))
			return "a page-table entry is wrong";
	return NULL;
}

static const char *verify_words(bool written)
{
	for (u32 i = first_page(); i < pages; i++)
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
	const u64 *pte = ptr(spare + 4 * PAGE_SIZE - SPACE_PAGES * 8);
	const u64 *upper = ptr(spare);

	for (u32 i = 0; i < SPACE_PAGES; i++)
		if (pte[i] != ((frames + (first_page() + i) * PAGE_SIZE) | LEAF))
			return "a page-table entry is wrong";
	for (u32 t = 0; t < 3; t++)
		if (upper[t * 512 + 511] != ((spare + (t + 1) * PAGE_SIZE) | UPPER))
			return "an upper entry is wrong";
	return verify_words(true);
}

static const char *verify_copied(u32 copied)
{
	const u64 *copy = ptr(spare);

	for (u32 i = 0; i < copied; i++)
		if (copy[i] != ((frames + (first_page() + i) * PAGE_SIZE) | (LEAF & ~PTE_W)))
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
	{"cr3_reload", loop_cr3, NULL, prepare_mapped, verify_nothing, 1, 0, 0},
	{"cr3_switch", loop_cr3_switch, NULL, prepare_mapped, verify_nothing, 1, 0, 0},
	{"cr3_touch", loop_cr3_touch, NULL, prepare_mapped, verify_touched, 1, 0, 0},
	{"space", loop_space, handler_demand, prepare_mapped, verify_space, 16, SPACE_PAGES,
	 SPACE_PAGES},
	{"fork", loop_fork, handler_cow, prepare_touched, verify_fork, 64, FORK_PAGES, FORK_PAGES},
	{"mixed", loop_mixed, handler_mixed, prepare_unmapped, verify_mixed, 64,
	 MIXED_PAGES + FORK_PAGES, MIXED_PAGES},
};

const u32 phase_count = ARRAY_SIZE(phases);
