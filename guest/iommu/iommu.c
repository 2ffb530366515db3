/* SPDX-License-Identifier: MIT */
/* The IOMMUs that were found are taken, and watched. */
#include "guest/iommu/iommu.h"

#include "arch/console.h"
#include "guest/firmware/acpi.h"
#include "guest/iommu/unit.h"
#include "guest/machine/hidden.h"
#include "guest/machine/machine.h"
#include "mm/phys/map.h"

/* Exits between two looks at the units. */

/* Messages to local APICs; no IOMMU looks its addresses up. */
#define INTERRUPTS_START 0xfee00000
#define INTERRUPTS_END   0xfef00000

#define HOLES_MAX        (HIDDEN_MAX + WATCHED_MAX + 1)

u64 iommu_memory_size(const struct iommu *iommu)
{
	struct iommu_map map = {.levels = iommu->levels, .leaf = iommu->leaf, .end = iommu->end};
	const struct iommu_ops *ops = iommu_ops_of(iommu);

	if (!iommu->kind)
		return 0;
	/* As many holes as there can be: other parts of the machine hide memory too. */
	map.nr_holes = HOLES_MAX - IOMMU_UNITS_MAX + iommu->nr_units;
	/* A unit's registers cut two large pages of the hypervisor's own map at most. */
	return (iommu_map_pages(&map) + ops->common_pages +
		iommu->nr_units * (ops->unit_pages + 2)) *
	       PAGE_SIZE;
}

static u64 table_page(void *ctx)
{
	return iommu_take(ctx, 1);
}

static int hide_registers(struct machine *machine, struct iommu_pool *pool)
{
	struct iommu *iommu = &machine->iommu;

	for (u32 i = 0; i < iommu->nr_units; i++) {
		const struct iommu_unit *unit = &iommu->unit[i];

		if (memory_hide(machine, unit->base, unit->base + unit->size) < 0 ||
		    map_uncached(unit->base, unit->size, table_page, pool) < 0)
			return -1;
	}
	return 0;
}

struct overlap {
	const struct machine *machine;
	int ret;
};

/* A device that must reach hidden memory cannot work, or notrap could not. */
static void check_reserved(void *ctx, u64 start, u64 end)
{
	struct overlap *o = ctx;
	const struct machine *machine = o->machine;

	if (!o->ret && ranges_overlap(machine->hidden, machine->nr_hidden, start, end))
		o->ret = fail(
			"the firmware gives devices the memory %lx-%lx, where notrap's own is; use "
			"iommu=off to run without protection from them",
			start, end);
}

static u64 build(const struct machine *machine, const u8 *table, u32 size, struct iommu_pool *pool)
{
	const struct iommu *iommu = &machine->iommu;
	struct memmap_range hole[HOLES_MAX];
	struct iommu_map map = {iommu->kind, iommu->levels, iommu->leaf, iommu->end, hole, 0};
	u64 start = pool->next, root, shared;

	for (u32 i = 0; i < machine->nr_hidden; i++)
		hole[map.nr_holes++] = machine->hidden[i];
	for (u32 i = 0; i < machine->nr_watched; i++)
		hole[map.nr_holes++] = machine->watched[i];
	hole[map.nr_holes++] =
		(struct memmap_range){.start = INTERRUPTS_START, .end = INTERRUPTS_END};
	root = iommu_build(&map, pool);
	if (root == ~0ULL)
		return root;
	shared = iommu_ops_of(iommu)->prepare(&map, root, table, size, pool);
	iommu_flush(start, pool->next - start);
	return shared;
}

/* The signature's own letters in another order: the checksum stays right. */
static int hide_table(u8 *table)
{
	volatile u8 *at = table;
	u8 first = at[0], last = at[3];

	at[0] = last;
	at[3] = first;
	return at[0] == last && at[3] == first ? 0 : -1;
}

static int enable_units(struct machine *machine, u64 shared, struct iommu_pool *pool, u64 start)
{
	struct iommu *iommu = &machine->iommu;
	const struct iommu_ops *ops = iommu_ops_of(iommu);
	u32 on = 0;

	for (u32 i = 0; i < iommu->nr_units; i++) {
		struct iommu_unit *unit = &iommu->unit[i];
		const char *why = ops->enable(unit, shared, pool);

		unit->on = !why;
		on += unit->on;
		if (why && iommu_left_open(machine, "unit at", unit->base, why) < 0)
			return -1;
	}
	say("iommu: %u of %u %s units on, %lu KiB of tables: devices reach what is below %lx but for "
	    "the hypervisor's",
	    on, iommu->nr_units, ops->name, (pool->next - start) >> 10, iommu->end);
	return 0;
}

int iommu_start(struct machine *machine, const struct bootinfo *boot, u64 *pool_hpa, u64 *pool_size)
{
	struct iommu_pool pool = {*pool_hpa, *pool_hpa + *pool_size};
	const struct iommu *iommu = &machine->iommu;
	struct overlap overlap = {machine, 0};
	u64 shared;
	u32 size;
	u8 *table;

	if (!iommu->kind)
		return 0;
	table = acpi_table(boot, iommu_ops_of(iommu)->table, 0, &size);
	if (hide_registers(machine, &pool) < 0)
		return -1;
	iommu_ops_of(iommu)->each_reserved(table, size, check_reserved, &overlap);
	if (overlap.ret)
		return overlap.ret;
	shared = build(machine, table, size, &pool);
	if (shared == ~0ULL)
		return fail("no memory for the IOMMU's tables; use iommu=off to run without");
	if (enable_units(machine, shared, &pool, *pool_hpa) < 0)
		return -1;
	if (hide_table(table) < 0)
		say("iommu: the firmware's %s table cannot be hidden: the guest finds units that do "
		    "not answer",
		    iommu_ops_of(iommu)->table);
	*pool_size -= pool.next - *pool_hpa;
	*pool_hpa = pool.next;
	return 0;
}

static void count_fault(void *ctx, const struct iommu_unit *unit, const struct iommu_fault *fault)
{
	struct machine *machine = ctx;
	struct iommu *iommu = &machine->iommu;
	u32 who = (u32)unit->segment << 16 | fault->source;
	const struct iommu_ops *ops = iommu_ops_of(iommu);
	const char *why = fault->reason < ops->nr_reasons ? ops->reasons[fault->reason] : NULL;

	count(&machine->vcpu.counters, dma_blocked);
	for (u32 i = 0; i < iommu->nr_reported; i++)
		if (iommu->reported[i] == who)
			return;
	if (iommu->nr_reported == IOMMU_REPORTED_MAX)
		return;
	iommu->reported[iommu->nr_reported++] = who;
	say("iommu: device %04x:%02x:%02x.%u: %s of %lx blocked (reason %x: %s); the next of it are "
	    "only counted",
	    unit->segment, fault->source >> 8, fault->source >> 3 & 31, fault->source & 7,
	    fault->write ? "write" : "read", fault->addr, fault->reason, why ? why : "refused");
}

void iommu_poll(struct machine *machine)
{
	struct iommu *iommu = &machine->iommu;

	for (u32 i = 0; i < iommu->nr_units; i++)
		if (iommu->unit[i].on)
			iommu_ops_of(iommu)->poll(&iommu->unit[i], count_fault, machine);
}
