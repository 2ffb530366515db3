/* SPDX-License-Identifier: MIT */
/*
 * The slow guest's like in 32-bit code: page tables of two levels and of PAE that would make one exit long.
 * Each case also reads what it mapped, before and after.
 *
 * Command line: pae=1, case=N (default: all of them), n=N (tables, default 256).
 */
#include "guest/builtin/lib/notrap.h"
#include "tests/guests/slow32/slow32.h"

#define SPACES_MAX 64

u32 page_a, page_b;
u32 tables;
static u32 first, spaces[SPACES_MAX], nr_spaces;

void *table(u32 i)
{
	return ptr(table_pa(i));
}

u32 table_pa(u32 i)
{
	return first + i * PAGE_SIZE;
}

void fill_some(void *entries, u32 count, u32 value)
{
	for (u32 i = 0; i < count; i++)
		entry_set(at(entries, i), value);
}

void fill(void *entries, u32 value)
{
	fill_some(entries, per_table(), value);
}

void link_slot(u32 i, u32 value)
{
	entry_set(entry_of(slot(i), 2), value);
}

/* A directory, or four of them, whose entries below BASE are the kernel's. */
u32 new_space(void)
{
	u32 root = (u32)page_alloc(1, PAGE_SIZE);

	if (nr_spaces == SPACES_MAX)
		guest_fail("more than %u address spaces", SPACES_MAX);
	spaces[nr_spaces++] = root;
	if (is_pae()) {
		entry_set(at(ptr(root), 0), entry_get(at(ptr(paging_root), 0)));
		for (u32 i = 1; i < 4; i++)
			entry_set(at(ptr(root), i), page_alloc(1, PAGE_SIZE) | PTE_P);
		return root;
	}
	for (u32 i = 0; i < BASE / PAGE_4M; i++)
		entry_set(at(ptr(root), i), entry_get(at(ptr(paging_root), i)));
	return root;
}

entry_t slot_of(u32 space, u32 i)
{
	u32 nr = slot(i) / span();

	if (!is_pae())
		return at(ptr(space), nr);
	return at(ptr(entry_get(at(ptr(space), nr / 512)) & PTE_ADDR), nr % 512);
}

static u32 longest(void)
{
	static const char *const names[] = {
#define COUNTER(name, help) #name,
#include "mm/counters.def"
#undef COUNTER
	};

	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		const char *a = names[i], *b = "exit_longest";

		while (*a && *a == *b) {
			a++;
			b++;
		}
		if (*a == *b)
			return (u32)notrap_call(HC_COUNTER, i);
	}
	return 0;
}

void report(const char *what)
{
	print("slow32: %s: longest exit %u\n", what, notrap_present() ? longest() : 0);
}

/* Give up all that a case has mapped, in each address space; then the tables are data. */
static void clean(void)
{
	write_cr3((reg)paging_root);
	for (u32 i = 0; i < slots(); i++)
		link_slot(i, 0);
	for (u32 s = 0; s < nr_spaces; s++)
		for (u32 i = 0; i < slots(); i++)
			entry_set(slot_of(spaces[s], i), 0);
	reload_cr3();
	report("dropped");
	for (u32 i = 0; i < tables; i++)
		fill(table(i), 0);
}

const char *guest_main(void)
{
	static void (*const cases[])(u32 n) = {
		many_unsynced,
		frame_with_many_leaves,
		table_with_many_parents,
		regions_with_many_splits,
		table_of_itself,
		many_spaces,
		modes,
	};
	u32 which = guest_option_number("case", 0), n = guest_option_number("n", 256);

	paging_switch(guest_option_number("pae", 0) ? PAGING_PAE : PAGING_TWO_LEVEL);
	if (which > ARRAY_SIZE(cases) || n < 8 || n > slots())
		return "case= or n= is out of range";
	tables = n + 16;
	first = (u32)page_alloc(tables, PAGE_SIZE);
	page_a = (u32)page_alloc(1, PAGE_SIZE);
	page_b = (u32)page_alloc(1, PAGE_SIZE);
	*(u32 *)ptr(page_a) = page_a;
	*(u32 *)ptr(page_b) = page_b;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		if (which && i != which - 1)
			continue;
		print("slow32: case %u\n", i + 1);
		cases[i](n);
		clean();
	}
	return check_end("slow32");
}
