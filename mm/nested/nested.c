/* SPDX-License-Identifier: MIT */
/* Nested tables: an identity map that leaves the hypervisor's memory out. */
#include "mm/nested/nested.h"

#include "arch/console.h"
#include "arch/string.h"
#include "mm/guest/paging.h"
#include "mm/phys/phys.h"

#define LEVELS 4

/* Less than this is filled and dropped over and over: a path to one page takes four. */
#define TABLES_MIN 16
/* For device registers, wherever they are, and for page tables where ranges meet. */
#define TABLES_SPARE 64

/* SDM vol. 3C tables 29-2 and 29-6: read, write, execute; memory types. */
#define EPT_RWX     7
#define EPT_W       BIT(1)
#define EPT_PS      BIT(7)
#define EPT_TYPE_UC (0 << 3)
#define EPT_TYPE_WB (6 << 3)

/* Guests are users to these tables: APM vol. 2 15.25.5. A and D are set, so that no walk writes. */
#define NPT_LINK (PTE_P | PTE_W | PTE_U | PTE_A)
#define NPT_LEAF (NPT_LINK | PTE_D)

struct nested {
	struct nested_config config;
	u64 *tables; /* the first is the top one */
	u64 tables_hpa;
	u32 nr_tables, used;
};

u64 nested_memory_size(const struct memmap *map)
{
	u64 gib = ALIGN_UP(memmap_ram_end(map), GIB(1)) >> 30;
	u64 tables = 1 + (gib + TABLE_ENTRIES - 1) / TABLE_ENTRIES + gib + TABLES_SPARE;

	return (tables + 1) * PAGE_SIZE;
}

struct nested *nested_init(const struct nested_config *c)
{
	struct nested *n = phys_ptr(c->tables.pool_hpa);
	u64 head = ALIGN_UP(c->tables.pool_hpa + sizeof(*n), PAGE_SIZE) - c->tables.pool_hpa;

	if (c->tables.pool_size < head + TABLES_MIN * PAGE_SIZE)
		return fail("nested paging: %lu KiB of memory are too little for its tables",
			    c->tables.pool_size >> 10),
		       NULL;
	*n = (struct nested){.config = *c, .used = 1};
	n->tables_hpa = c->tables.pool_hpa + head;
	n->tables = phys_ptr(n->tables_hpa);
	n->nr_tables = (u32)((c->tables.pool_size - head) / PAGE_SIZE);
	memset(n->tables, 0, PAGE_SIZE);
	return n;
}

u64 nested_root(const struct nested *n)
{
	return n->tables_hpa;
}

static u64 *table_at(const struct nested *n, u64 entry)
{
	return n->tables + ((entry & PTE_ADDR) - n->tables_hpa) / sizeof(u64);
}

static bool overlaps_hidden(const struct nested *n, u64 start, u64 end)
{
	return ranges_overlap(n->config.tables.hidden, n->config.tables.nr_hidden, start, end);
}

static bool overlaps_watched(const struct nested *n, u64 start, u64 end)
{
	return ranges_overlap(n->config.tables.watched, n->config.tables.nr_watched, start, end);
}

/* True when [start, end) is RAM in part, so that no one memory type is right for it. */
static bool mixes_types(const struct nested *n, u64 start, u64 end)
{
	const struct memmap *map = n->config.guest_map;

	for (u32 i = 0; i < map->count; i++) {
		const struct memmap_range *r = &map->range[i];

		if (r->type == MEMMAP_RAM && r->start < end && start < r->end)
			return !memmap_is_ram(map, start, end);
	}
	return false;
}

static u64 link_entry(const struct nested *n, u64 table_hpa)
{
	return table_hpa | (n->config.format == NESTED_EPT ? EPT_RWX : NPT_LINK);
}

/* A leaf for `size` bytes at hpa, which are of one memory type. */
static u64 leaf_entry(const struct nested *n, u64 hpa, u64 size)
{
	bool large = size > PAGE_SIZE, watched = overlaps_watched(n, hpa, hpa + size);

	if (n->config.format == NESTED_NPT)
		return hpa | (NPT_LEAF & ~(watched ? PTE_W : 0)) | (large ? PTE_PS : 0);
	return hpa | (EPT_RWX & ~(watched ? EPT_W : 0)) | (large ? EPT_PS : 0) |
	       (hpa == n->config.tables.hole_hpa ||
				memmap_is_ram(n->config.guest_map, hpa, hpa + size)
			? EPT_TYPE_WB
			: EPT_TYPE_UC);
}

/* Bit 0, present in one format and readable in the other, is in every entry that says something. */
static bool is_present(u64 entry)
{
	return entry & PTE_P;
}

/* A leaf above level 1: the bit is the same in both formats. */
static bool is_large(int level, u64 entry)
{
	return level > 1 && (entry & PTE_PS);
}

/* An empty table's physical address; 0 when there is none left. */
static u64 new_table(struct nested *n, struct counters *counters)
{
	u64 *table = n->tables + (u64)n->used * TABLE_ENTRIES;

	if (n->used == n->nr_tables)
		return 0;
	count(counters, mmu_shadow_new);
	memset(table, 0, PAGE_SIZE);
	return n->tables_hpa + (u64)n->used++ * PAGE_SIZE;
}

/* Identity leaves for all that is not hidden: that is left to be counted when it is touched. */
static void fill_table(const struct nested *n, u64 *table, u64 base)
{
	for (u32 i = 0; i < TABLE_ENTRIES; i++) {
		u64 gpa = base + (u64)i * PAGE_SIZE;

		if (!overlaps_hidden(n, gpa, gpa + PAGE_SIZE))
			table[i] = leaf_entry(n, gpa, PAGE_SIZE);
	}
}

/* False when the pool is used up. */
static bool map_page(struct nested *n, struct counters *counters, u64 gpa)
{
	u64 base = ALIGN_DOWN(gpa, MIB(2)), child, *table = n->tables, *entry;

	for (int level = LEVELS; level > 1; level--) {
		entry = &table[gpte_index(GPTE_64, level, gpa)];
		if (is_present(*entry) && is_large(level, *entry))
			return true;
		if (!is_present(*entry) && level == 2 && !overlaps_hidden(n, base, base + MIB(2)) &&
		    !overlaps_watched(n, base, base + MIB(2)) &&
		    (n->config.format == NESTED_NPT || !mixes_types(n, base, base + MIB(2)))) {
			*entry = leaf_entry(n, base, MIB(2));
			return true;
		}
		if (!is_present(*entry)) {
			child = new_table(n, counters);
			if (!child)
				return false;
			*entry = link_entry(n, child);
			if (level == 2)
				fill_table(n, table_at(n, *entry), base);
		}
		table = table_at(n, *entry);
	}
	entry = &table[gpte_index(GPTE_64, 1, gpa)];
	if (!is_present(*entry)) {
		count(counters, hole_mapped);
		*entry = leaf_entry(n, n->config.tables.hole_hpa, PAGE_SIZE);
	}
	return true;
}

int nested_fault(struct nested *n, struct counters *counters, u64 gpa, bool *flush)
{
	if (gpa >> n->config.maxphyaddr || gpa >> NESTED_BITS)
		return -1;
	if (map_page(n, counters, gpa))
		return 0;
	count_add(counters, mmu_shadow_zapped, n->used - 1);
	count_add(counters, mmu_recycled, n->used - 1);
	memset(n->tables, 0, PAGE_SIZE);
	n->used = 1;
	*flush = true;
	map_page(n, counters, gpa);
	return 0;
}

struct audit {
	const struct nested *n;
	u32 violations;
};

static void bad_if(struct audit *a, bool wrong, int level, u64 gpa, u64 entry, const char *what)
{
	if (wrong && a->violations++ < 8)
		fail("audit: %s: nested entry %016lx of level %d for address %lx", what, entry,
		     level, gpa);
}

static void check_leaf(struct audit *a, int level, u64 gpa, u64 entry)
{
	const struct nested *n = a->n;
	u64 size = BIT(LEVEL_SHIFT(level)), hpa = entry & PTE_ADDR;
	bool hidden = overlaps_hidden(n, gpa, gpa + size);

	bad_if(a, hidden ? level > 1 || hpa != n->config.tables.hole_hpa : hpa != gpa, level, gpa,
	       entry, "an address is mapped to another");
	bad_if(a, entry != leaf_entry(n, hpa, size), level, gpa, entry,
	       "rights or memory type are not what they should be");
}

static void check_table(struct audit *a, const u64 *table, int level, u64 base)
{
	const struct nested *n = a->n;

	for (u32 i = 0; i < TABLE_ENTRIES; i++) {
		u64 entry = table[i], gpa = base + ((u64)i << LEVEL_SHIFT(level));
		u64 child = (entry & PTE_ADDR) - n->tables_hpa;

		bad_if(a, !is_present(entry) && entry, level, gpa, entry, "an entry is half there");
		if (!is_present(entry))
			continue;
		if (level == 1 || is_large(level, entry))
			check_leaf(a, level, gpa, entry);
		else if (!child || child >= (u64)n->used * PAGE_SIZE ||
			 entry != link_entry(n, n->tables_hpa + child))
			bad_if(a, true, level, gpa, entry, "a link leads to no table");
		else
			check_table(a, table_at(n, entry), level - 1, gpa);
	}
}

u32 nested_audit(const struct nested *n)
{
	struct audit a = {.n = n};

	check_table(&a, n->tables, LEVELS, 0);
	return a.violations;
}
