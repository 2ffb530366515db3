/* SPDX-License-Identifier: MIT */
/* The benchmark's memory, and what the phases start from. */
#include "guest/builtin/bench/region.h"

#include "arch/string.h"

struct region region;

/* Give a root its own page tables for the region. */
static u64 make_tables(u64 root)
{
	u64 tables = page_alloc(region.pages / 512, PAGE_SIZE);

	for (u32 t = 0; t < region.pages / 512; t++)
		*entry_of(root, page_va(t * 512), 2) = (tables + t * PAGE_SIZE) | UPPER;
	return tables;
}

void region_init(u32 n)
{
	u64 *pte;

	region.pages = n;
	region.frames = page_alloc(n, PAGE_SIZE);
	region.ptes = make_tables(paging_root);
	region.root2 = new_root();
	/* The top 512 GiB were made for the first root; the second has its own. */
	pte = ptr(make_tables(region.root2));
	for (u32 i = 0; i < n; i++)
		pte[i] = (region.frames + i * PAGE_SIZE) | LEAF;
	region.spare = page_alloc(4, PAGE_SIZE);
	region.user_page = page_alloc(1, PAGE_SIZE);
	memcpy(ptr(region.user_page), user_code, (size_t)(user_code_end - user_code));
}

struct bench_env region_env(const struct phase *phase)
{
	u32 first;

	region.at = phase;
	first = first_page();
	return (struct bench_env){
		.va = page_va(first),
		.frame = (region.frames + first * PAGE_SIZE) | LEAF,
		.pte = (uintptr_t)pte_at(first),
		.root = paging_root,
		.root2 = region.root2,
		.tables = region.spare,
		.ops = region.pages / phase->divide,
	};
}

/* Set every entry of the region to its frame and `flags`, or to nothing, and flush. */
static void set_all(u64 flags)
{
	for (u32 i = 0; i < region.pages; i++)
		*pte_at(i) = flags ? (region.frames + i * PAGE_SIZE) | flags : 0;
	reload_cr3();
}

static void touch_all(void)
{
	for (u32 i = 0; i < region.pages; i++)
		*(volatile u64 *)page_va(i) = page_va(i);
}

static void mark_all(void)
{
	for (u32 i = 0; i < region.pages; i++)
		*word_at(i) = MARKER + i;
}

void prepare_nothing(void)
{
}

void prepare_unmapped(void)
{
	set_all(0);
	mark_all();
}

void prepare_mapped(void)
{
	set_all(LEAF);
	mark_all();
}

void prepare_touched(void)
{
	set_all(LEAF);
	touch_all();
}

static void protect(u64 flags)
{
	set_all(flags);
	touch_all();
	set_all(flags & ~PTE_W);
	mark_all();
}

void prepare_protected(void)
{
	protect(LEAF);
}

void prepare_user(void)
{
	*entry_of(paging_root, USER_CODE, 1) = region.user_page | LEAF | PTE_U;
	protect(LEAF | PTE_U);
}

void prepare_clean(void)
{
	set_all(PTE_P | PTE_W);
	mark_all();
}

void prepare_read(void)
{
	prepare_clean();
	for (u32 i = 0; i < region.pages; i++)
		(void)*(volatile u64 *)page_va(i);
}

/* Mapped now, without a flush, where nothing was mapped before. */
void prepare_just_mapped(void)
{
	prepare_unmapped();
	for (u32 i = 0; i < region.pages; i++)
		*pte_at(i) = (region.frames + i * PAGE_SIZE) | LEAF;
}
