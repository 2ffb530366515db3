/* SPDX-License-Identifier: MIT */
/*
 * Page tables that would make one exit long: lists without end, and work for very many tables that is
 * due at once. Each case also reads what it mapped, before and after.
 *
 * Command line: case=N (default: all of them), n=N (tables, default 512).
 */
#include "guest/builtin/lib/notrap.h"
#include "tests/guests/slow/slow.h"

u64 page_a, page_b;
u32 tables;
static u64 first;

u64 *table(u32 i)
{
	return ptr(table_pa(i));
}

u64 table_pa(u32 i)
{
	return first + (u64)i * PAGE_SIZE;
}

void fill(u64 *entries, u64 value)
{
	for (u32 i = 0; i < 512; i++)
		entries[i] = value;
}

static u64 longest(void)
{
	static const char *const names[] = {
#define COUNTER(name, help) #name,
#include "mm/counters.def"
#undef COUNTER
	};
	u32 i = ARRAY_SIZE(names);

	while (i-- > 0 && names[i][0] != 'e')
		;
	for (; i < ARRAY_SIZE(names); i--) {
		const char *a = names[i], *b = "exit_longest";

		while (*a && *a == *b) {
			a++;
			b++;
		}
		if (*a == *b)
			return notrap_call(HC_COUNTER, i);
	}
	return 0;
}

void report(const char *what)
{
	print("slow: %s: longest exit %lu\n", what, notrap_present() ? longest() : 0);
}

/* Give up all that a case has mapped: by one store to the root each, then as data. */
static void clean(void)
{
	for (u32 i = 1; i < 256; i++)
		((volatile u64 *)ptr(paging_root))[i] = 0;
	reload_cr3();
	report("dropped");
	for (u32 i = 0; i < tables; i++)
		fill(table(i), 0);
}

const char *guest_main(void)
{
	static void (*const cases[])(u32 n) = {
		many_unsynced,
		many_unsynced_uppers,
		frame_with_many_leaves,
		table_with_many_parents,
		region_with_many_leaves,
		region_with_many_splits,
		far_splits,
		table_of_itself,
		wide_tree,
	};
	u32 which = guest_option_number("case", 0), n = guest_option_number("n", 512);

	if (which > ARRAY_SIZE(cases) || n < 8 || n > 8192)
		return "case= or n= is out of range";
	tables = n + 16;
	first = page_alloc(tables, PAGE_2M);
	page_a = page_alloc(1, PAGE_SIZE);
	page_b = page_alloc(1, PAGE_SIZE);
	*(u64 *)ptr(page_a) = page_a;
	*(u64 *)ptr(page_b) = page_b;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		if (which && i != which - 1)
			continue;
		print("slow: case %u\n", i + 1);
		cases[i](n);
		clean();
	}
	return check_end("slow");
}
