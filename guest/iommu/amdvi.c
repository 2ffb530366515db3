/* SPDX-License-Identifier: MIT */
/* AMD-Vi: AMD IOMMU specification 2.2.2 (device table), 2.4 (commands), 2.5 (events), 3.4 (registers). */
#include "arch/insn.h"
#include "guest/iommu/unit.h"
#include "mm/phys/phys.h"

#define REG_DEVICE_TABLE 0x00
#define REG_COMMANDS     0x08
#define REG_EVENTS       0x10
#define REG_CONTROL      0x18
#define REG_EXCLUSION    0x20
#define REG_EXCL_LIMIT   0x28
#define REG_FEATURES     0x30
#define REG_COMMAND_HEAD 0x2000
#define REG_COMMAND_TAIL 0x2008
#define REG_EVENT_HEAD   0x2010
#define REG_EVENT_TAIL   0x2018
#define REG_STATUS       0x2020

#define CONTROL_IOMMU    BIT(0)
#define CONTROL_EVENTS   BIT(2)
#define CONTROL_COMMANDS BIT(12)
/* Where the IVHD's flags go: HtTunEn 1, PassPW 8, ResPassPW 9, Isoc 11, Coherent 10. */
#define IVHD_TUNNEL            BIT(0)
#define IVHD_PASS_PW           BIT(1)
#define IVHD_RES_PASS_PW       BIT(2)
#define IVHD_ISOC              BIT(3)
#define IVHD_COHERENT          BIT(5)

#define FEATURE_INVALIDATE_ALL BIT(6)
#define FEATURE_COUNTERS       BIT(9)
#define FEATURE_LEVELS(f)      (((f) >> 10 & 3) + 4)

#define STATUS_OVERFLOW        BIT(0)
#define STATUS_EVENTS          BIT(1)
#define STATUS_EVENTS_RUN      BIT(3)
#define STATUS_RUN             (BIT(3) | BIT(4))

/* A ring of one page: 256 entries of 16 bytes. */
#define RING         (8ULL << 56)
#define RING_ENTRIES 256

/* Device table: 32 bytes for each of 65536 devices. */
#define DEVICES          65536
#define TABLE_PAGES      (DEVICES * 32 / PAGE_SIZE)
#define DTE_V            BIT(0)
#define DTE_TV           BIT(1)
#define DTE_MODE(levels) ((u64)(levels) << 9)
#define DTE_IR           BIT(61)
#define DTE_IW           BIT(62)
#define DTE_DOMAIN       1
/* An IVHD's device flags: INIT, ExtInt, NMI 2:0, SysMgt 5:4, LINT0, LINT1 7:6. */
#define DTE_SYSMGT(flags) (((u64)(flags) >> 4 & 3) << 40)
#define DTE_PASS(flags)   (((u64)(flags)&7) << 56 | ((u64)(flags) >> 6 & 3) << 62)

#define COMMAND(n)        ((u64)(n) << 60)
#define CMD_WAIT_STORE    (COMMAND(1) | BIT(0))
#define CMD_DEVICE        COMMAND(2)
#define CMD_PAGES         (COMMAND(3) | (u64)DTE_DOMAIN << 32)
#define CMD_PAGES_ALL     (GENMASK(62, 12) | BIT(0) | BIT(1)) /* of every size, directories too */
#define CMD_ALL           COMMAND(8)

/* An event's first quadword. */
#define EVENT_CODE(q) (u8)((q) >> 60)
#define EVENT_RW      BIT(53)

static const char *probe(struct iommu_unit *unit, struct iommu_limits *limits)
{
	u64 features = iommu_read64(unit, REG_FEATURES);

	if (features == ~0ULL && iommu_read64(unit, REG_CONTROL) == ~0ULL)
		return "nothing answers there";
	unit->size = features & FEATURE_COUNTERS ? KIB(512) : KIB(16);
	limits->levels &= GENMASK(FEATURE_LEVELS(features), 3);
	return NULL;
}

static void set_flags(void *ctx, u32 first, u32 last, u8 flags)
{
	u64 *dte = ctx;

	for (u32 i = first; i <= last; i++) {
		dte[4 * i + 1] = DTE_DOMAIN | DTE_SYSMGT(flags);
		dte[4 * i + 2] = DTE_PASS(flags);
	}
}

/* One table for all units: each device has the same entry, but for its flags. */
static u64 prepare(const struct iommu_map *map, u64 root, const u8 *table, u32 size,
		   struct iommu_pool *pool)
{
	u64 hpa = iommu_take(pool, TABLE_PAGES), *dte;

	if (hpa == ~0ULL)
		return hpa;
	dte = phys_ptr(hpa);
	/* No device has translations of its own (I), no exclusion range (EX), no interrupt table (IV). */
	for (u32 i = 0; i < DEVICES; i++) {
		dte[4 * i] = root | DTE_MODE(map->levels) | DTE_IR | DTE_IW | DTE_TV | DTE_V;
		dte[4 * i + 1] = DTE_DOMAIN;
	}
	ivrs_each_device(table, size, set_flags, dte);
	return hpa;
}

struct ring {
	const struct iommu_unit *unit;
	u64 commands;
	u32 tail;
};

static void put(struct ring *ring, u64 low, u64 high)
{
	volatile u64 *c = phys_ptr(ring->commands + 16ULL * ring->tail);

	c[0] = low;
	c[1] = high;
	ring->tail = (ring->tail + 1) % RING_ENTRIES;
}

/* Have the unit carry out what was put, and wait until it has. */
static bool carry_out(struct ring *ring)
{
	u64 where = ring->commands + PAGE_SIZE;
	volatile u64 *done = phys_ptr(where);

	*done = 0;
	put(ring, CMD_WAIT_STORE | where, 1);
	mfence();
	iommu_write64(ring->unit, REG_COMMAND_TAIL, 16ULL * ring->tail);
	for (u32 i = 0; i < IOMMU_PATIENCE; i++) {
		(void)iommu_read64(ring->unit, REG_STATUS);
		if (*done)
			return true;
	}
	return false;
}

/* Each device's entry by its name, too: QEMU from 10.2 on begins to translate for a device at no other command. */
static bool invalidate(struct ring *ring)
{
	bool all = iommu_read64(ring->unit, REG_FEATURES) & FEATURE_INVALIDATE_ALL;

	for (u32 device = 0; device < DEVICES; device++) {
		put(ring, CMD_DEVICE | device, 0);
		if (device % (RING_ENTRIES / 2) == 0 && !carry_out(ring))
			return false;
	}
	if (all)
		put(ring, CMD_ALL, 0);
	else
		put(ring, CMD_PAGES, CMD_PAGES_ALL);
	return carry_out(ring);
}

static u64 control_flags(u8 ivhd)
{
	return (ivhd & IVHD_TUNNEL ? BIT(1) : 0) | (ivhd & IVHD_PASS_PW ? BIT(8) : 0) |
	       (ivhd & IVHD_RES_PASS_PW ? BIT(9) : 0) | (ivhd & IVHD_ISOC ? BIT(11) : 0) |
	       (ivhd & IVHD_COHERENT ? BIT(10) : 0);
}

static bool wait_stopped(const struct iommu_unit *unit, u64 what)
{
	for (u32 i = 0; i < IOMMU_PATIENCE; i++)
		if (!(iommu_read64(unit, REG_STATUS) & what))
			return true;
	return false;
}

/* An empty log, with logging off. */
static void reset_log(struct iommu_unit *unit)
{
	memset(phys_ptr(unit->log), 0, PAGE_SIZE);
	unit->nr_faults = 0;
	iommu_write64(unit, REG_EVENTS, unit->log | RING);
	iommu_write64(unit, REG_EVENT_HEAD, 0);
	iommu_write64(unit, REG_EVENT_TAIL, 0);
	iommu_write64(unit, REG_STATUS, STATUS_OVERFLOW | STATUS_EVENTS);
}

static const char *enable(struct iommu_unit *unit, u64 shared, struct iommu_pool *pool)
{
	struct ring ring = {unit, iommu_take(pool, 2), 0};
	u64 control;

	unit->log = iommu_take(pool, 1);
	if (ring.commands == ~0ULL || unit->log == ~0ULL)
		return "no memory for its rings";
	/* Where firmware has switched it on it stays on: the rings alone stop, and begin again. */
	control = iommu_read64(unit, REG_CONTROL) & CONTROL_IOMMU;
	iommu_write64(unit, REG_CONTROL, control);
	if (!wait_stopped(unit, STATUS_RUN))
		return "it does not stop what the firmware started";
	iommu_write64(unit, REG_EXCLUSION, 0);
	iommu_write64(unit, REG_EXCL_LIMIT, 0);
	iommu_write64(unit, REG_DEVICE_TABLE, shared | (TABLE_PAGES - 1));
	iommu_write64(unit, REG_COMMANDS, ring.commands | RING);
	iommu_write64(unit, REG_COMMAND_HEAD, 0);
	iommu_write64(unit, REG_COMMAND_TAIL, 0);
	reset_log(unit);
	control = CONTROL_IOMMU | CONTROL_COMMANDS | CONTROL_EVENTS | control_flags(unit->flags);
	iommu_write64(unit, REG_CONTROL, control);
	if ((iommu_read64(unit, REG_CONTROL) & control) != control)
		return "it does not switch translation on";
	return invalidate(&ring) ? NULL : "it does not invalidate its caches";
}

static const char *const reasons[] = {
	[2] = "not for it to reach",
	[8] = "a translated address, or an interrupt",
};

/*
 * The log is read in memory, where it costs no access to the unit: an entry that is there is not
 * zero. It is at most a page long, however fast devices fill it.
 */
static void poll(struct iommu_unit *unit, iommu_fault_visit visit, void *ctx)
{
	u32 seen = 0;

	for (; seen < RING_ENTRIES; seen++) {
		volatile u64 *event = phys_ptr(unit->log + 16ULL * unit->nr_faults);
		u64 low = event[0];
		struct iommu_fault fault = {
			.source = (u16)low,
			.addr = event[1],
			.write = low & EVENT_RW,
			.reason = EVENT_CODE(low),
		};

		if (!low)
			break;
		event[0] = event[1] = 0;
		unit->nr_faults = (unit->nr_faults + 1) % RING_ENTRIES;
		visit(ctx, unit, &fault);
	}
	if (!seen)
		return;
	iommu_write64(unit, REG_EVENT_HEAD, 16ULL * unit->nr_faults);
	/* What came when it was full is lost, and logging has stopped: AMD IOMMU specification 2.5.1. */
	if (iommu_read64(unit, REG_STATUS) & STATUS_OVERFLOW) {
		u64 control = iommu_read64(unit, REG_CONTROL);

		iommu_write64(unit, REG_CONTROL, control & ~CONTROL_EVENTS);
		if (wait_stopped(unit, STATUS_EVENTS_RUN))
			reset_log(unit);
		iommu_write64(unit, REG_CONTROL, control);
	}
}

const struct iommu_ops amdvi_ops = {
	.name = "AMD-Vi",
	.table = "IVRS",
	.parse = ivrs_parse,
	.each_reserved = ivrs_each_reserved,
	.common_pages = TABLE_PAGES,
	.unit_pages = 3,
	.probe = probe,
	.prepare = prepare,
	.enable = enable,
	.poll = poll,
	.reasons = reasons,
	.nr_reasons = ARRAY_SIZE(reasons),
};
