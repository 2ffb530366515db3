/* SPDX-License-Identifier: MIT */
/* One flood, measured and checked. */
#include "tests/guests/large/flood.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"

static u64 page_of(const struct flood *f, u32 i)
{
	return f->base + (u64)(i % f->frames) * f->size;
}

/* No two neighbours are the same: where there is but one page, its memory type differs. */
static reg entry_for(const struct flood *f, u32 i)
{
	return (reg)page_of(f, i) | f->ps | PTE_P | PTE_W | PTE_A | PTE_D |
	       (i / f->frames & 3) * PTE_PWT;
}

/* Each page says which it is. */
static volatile reg *word_of(const struct flood *f, u32 i)
{
	return ptr(page_of(f, i) + f->inside);
}

static reg mark(const struct flood *f, u32 i)
{
	return (reg)page_of(f, i) + 1;
}

static volatile reg *entry_at(const struct flood *f, reg table, u32 i)
{
	return ptr(table + i * f->entry);
}

static void change(const struct flood *f, enum flood_kind kind, reg table, reg va, u32 first)
{
	for (u32 i = 0; i < f->n; i++, va += f->size) {
		volatile reg *entry = entry_at(f, table, i);

		if (kind == FLOOD_PROTECT)
			*entry &= ~PTE_W;
		else if (kind == FLOOD_MOVE)
			*entry = entry_for(f, first + i + 1);
		else
			*entry = 0;
		invlpg(va);
	}
}

static void verify(const struct flood *f, enum flood_kind kind, reg va, u32 first)
{
	va += f->inside;
	for (u32 i = 0; i < f->n; i++, va += f->size) {
		struct probe p =
			probe(kind == FLOOD_PROTECT ? ACCESS_WRITE : ACCESS_READ, false, va, 0);
		reg value = kind == FLOOD_CLEAR ? 0 : *(volatile reg *)va;

		if (kind == FLOOD_PROTECT) {
			expect(f->name, p, PFEC_P | PFEC_W, va);
			check(value == mark(f, first + i), "%s %lx maps %lx", f->name, va, value);
		} else if (kind == FLOOD_MOVE) {
			expect(f->name, p, NO_FAULT, va);
			check(value == mark(f, first + i + 1), "%s %lx maps %lx", f->name, va,
			      value);
		} else {
			expect(f->name, p, 0, va);
		}
	}
}

/* The first entry maps page `first`. */
static void once(const struct flood *f, enum flood_kind kind, reg table, reg va, u32 first)
{
	static const char *const names[] = {"protect", "move", "clear"};
	u64 ticks, before;

	for (u32 i = 0; i < f->n; i++)
		*entry_at(f, table, i) = entry_for(f, first + i);
	write_cr3(read_cr3());
	for (u32 i = 0; i < f->n; i++)
		check(*(volatile reg *)(va + i * f->size + f->inside) == mark(f, first + i),
		      "%s page %u is not there", f->name, i);
	before = notrap_exits();
	ticks = rdtsc();
	change(f, kind, table, va, first);
	ticks = rdtsc() - ticks;
	before = notrap_exits() - before;
	print("bench: %s%s-%s-%u ops=%u ticks=%u exits=%u faults=0\n", first ? "again-" : "",
	      f->name, names[kind], f->n, f->n, (u32)ticks, (u32)before);
	verify(f, kind, va, first);
}

void flood(const struct flood *f, enum flood_kind kind, reg table, reg va)
{
	u32 i = 0;

	do
		*word_of(f, i) = mark(f, i);
	while (++i < f->frames);
	once(f, kind, table, va, 0);
	once(f, kind, table, va, 2);
}
