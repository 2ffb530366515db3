/* SPDX-License-Identifier: MIT */
/* The units' drivers, on models of their registers that hold them to the manuals' order: iommu_models.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guest/iommu/unit.h"
#include "mm/phys/phys.h"
#include "tests/host/fake/ram.h"
#include "tests/host/iommu_models.h"

#define POOL_PAGES 1024
#define POOL_HPA   MIB(512)
static u8 pool_memory[POOL_PAGES * PAGE_SIZE] __attribute__((aligned(4096)));

struct fake_ram fake_ram[] = {{POOL_HPA, sizeof(pool_memory), pool_memory, 0}};
const u32 fake_ram_count = 1;

static struct iommu_unit unit;
static struct iommu_pool pool;
static struct iommu_map map;
static u64 shared;

#define CAP  (2ULL << 8 | 38ULL << 16 | 0x22ULL << 24 | 3ULL << 34 | 1ULL << 40) /* two records */
#define ECAP (BIT(1) | 0xfULL << 8)

static u32 writes;
static bool is_amd;

u32 iommu_read32(const struct iommu_unit *u, u32 offset)
{
	(void)u;
	return (u32)(is_amd ? amd_read(offset) : vtd_read(offset));
}

u64 iommu_read64(const struct iommu_unit *u, u32 offset)
{
	(void)u;
	return is_amd ? amd_read(offset) : vtd_read(offset);
}

void iommu_write32(const struct iommu_unit *u, u32 offset, u32 value)
{
	iommu_write64(u, offset, value);
}

void iommu_write64(const struct iommu_unit *u, u32 offset, u64 value)
{
	(void)u;
	writes++;
	if (is_amd)
		amd_write(offset, value);
	else
		vtd_write(offset, value);
}

static const u8 ivhd_flags[] = {
	0x10, 0x23, 28, 0, 2, 0, 0x40, 0, 0, 0, 0xb8, 0xfe, 0, 0,
	0,    0,    0,  0, 0, 0, 0,    0, 0, 0, 2,    0xa0, 0, 0xd7,
};

/* Probe, build and enable, as iommu.c does. */
static const char *start(const struct iommu_ops *ops)
{
	u8 table[48 + sizeof(ivhd_flags)] = {0};
	static struct iommu_limits limits;
	const char *why;
	u64 root;

	limits = (struct iommu_limits){~0U, 3, 46};
	is_amd = ops == &amdvi_ops;
	memcpy(table + 48, ivhd_flags, sizeof(ivhd_flags));
	unit = (struct iommu_unit){.base = 0xfeb80000, .size = PAGE_SIZE, .flags = 0x23};
	pool = (struct iommu_pool){POOL_HPA, POOL_HPA + sizeof(pool_memory)};
	map = (struct iommu_map){.kind = is_amd ? IOMMU_AMDVI : IOMMU_VTD};
	why = ops->probe(&unit, &limits);
	if (!why)
		why = iommu_choose(&map, &limits, MIB(512));
	if (why)
		return why;
	root = iommu_build(&map, &pool);
	shared = ops->prepare(&map, root, table, sizeof(table), &pool);
	assert_true(shared != ~0ULL);
	*(is_amd ? &amd.ours : &vtd.ours) = shared;
	if (is_amd)
		assert_int_equal(((u64 *)phys_ptr(shared))[0] & GENMASK(51, 12), root);
	else
		assert_int_equal(*(u64 *)phys_ptr(*(u64 *)phys_ptr(shared) & ~1ULL), root | 1);
	why = ops->enable(&unit, shared, &pool);
	unit.on = !why;
	return why;
}

static void vtd_fresh(u64 ecap)
{
	vtd = (struct vtd){.cap = CAP, .ecap = ecap};
}

static void vtd_in_order(void **state)
{
	(void)state;
	for (u32 way = 0; way < 64; way++) {
		vtd_fresh(way & 1 ? ECAP : ECAP & ~BIT(1));
		vtd.cap |= (way & 2 ? BIT(4) : 0) | (way & 4 ? BIT(5) | BIT(6) : 0);
		vtd.pmen = way & 4 ? (u32)(BIT(31) | BIT(0)) : 0;
		/* What firmware may have left: translation, a queue with something in it, remapping. */
		vtd.rtaddr = vtd.root = way & 8 ? 0x1000 : 0;
		vtd.gsts = (way & 8 ? (u32)(BIT(31) | BIT(30)) : 0) |
			   (way & 16 && way & 1 ? (u32)BIT(26) : 0) | (way & 32 ? (u32)BIT(25) : 0);
		vtd.iqt = vtd.gsts & BIT(26) ? 64 : 0;
		vtd.contexts_clean = vtd.iotlb_clean = true;
		assert_null(start(&vtd_ops));
		assert_int_equal(vtd.gsts & BIT(31), BIT(31));
		assert_int_equal(vtd.gsts & (BIT(25) | BIT(28)), 0);
		assert_true(vtd.root == shared && vtd.contexts_clean && vtd.iotlb_clean);
		/* No moment without translation where there was one. */
		assert_false(vtd.was_off);
		assert_int_equal(vtd.prompted, !!(way & 2));
		assert_int_equal(vtd.pmen, 0);
	}
}

static void vtd_other_mode(void **state)
{
	(void)state;
	vtd_fresh(ECAP);
	vtd.rtaddr = vtd.root = 0x1000 | BIT(10);
	vtd.gsts = (u32)(BIT(31) | BIT(30));
	assert_null(start(&vtd_ops));
	assert_true(vtd.was_off && (vtd.gsts & BIT(31)));
}

static void vtd_refused(void **state)
{
	(void)state;
	vtd_fresh(ECAP | BIT(43));
	assert_string_equal(start(&vtd_ops), "it has no second-stage tables");
	vtd_fresh(ECAP);
	vtd.cap &= ~(14ULL << 8);
	assert_string_equal(start(&vtd_ops), "its units have no table format in common");
	vtd = (struct vtd){.cap = ~0ULL, .ecap = ~0ULL};
	assert_string_equal(start(&vtd_ops), "nothing answers there");
	vtd_fresh(ECAP);
	vtd.dead = true;
	assert_string_equal(start(&vtd_ops), "it does not take a root table");
	vtd_fresh(ECAP);
	vtd.dead = true;
	vtd.gsts = (u32)BIT(26);
	vtd.iqt = 16;
	assert_string_equal(start(&vtd_ops), "it does not stop what the firmware started");
}

static struct iommu_fault seen[300];
static u32 nr_seen;

static void note(void *ctx, const struct iommu_unit *u, const struct iommu_fault *fault)
{
	(void)ctx;
	assert_ptr_equal(u, &unit);
	assert_true(nr_seen < ARRAY_SIZE(seen));
	seen[nr_seen++] = *fault;
}

static void vtd_faults(void **state)
{
	(void)state;
	vtd_fresh(ECAP);
	assert_null(start(&vtd_ops));
	nr_seen = writes = 0;
	vtd_ops.poll(&unit, note, NULL);
	assert_int_equal(nr_seen + writes, 0);
	vtd.record[2] = 0xfe67123;
	vtd.record[3] = BIT(63) | BIT(62) | 6ULL << 32 | 0x1fa;
	vtd.fsts = 2;
	vtd_ops.poll(&unit, note, NULL);
	assert_int_equal(nr_seen, 1);
	assert_true(seen[0].source == 0x1fa && seen[0].addr == 0xfe67000 && !seen[0].write);
	assert_true(seen[0].reason == 6);
	assert_int_equal(vtd.fsts, 0);
	/* Both full, and more that is lost. */
	vtd.record[1] = BIT(63) | 5ULL << 32 | 8;
	vtd.record[3] = BIT(63) | 4ULL << 32 | 16;
	vtd.fsts = 3;
	vtd_ops.poll(&unit, note, NULL);
	assert_int_equal(nr_seen, 3);
	assert_true(seen[1].write && seen[1].source == 8 && seen[2].source == 16);
	assert_int_equal(vtd.fsts, 0);
}

static void amd_in_order(void **state)
{
	u64 *dte;

	(void)state;
	for (u32 way = 0; way < 4; way++) {
		amd = (struct amd){.reg = {0x1000, 0x2008ULL << 44, 0, way & 1 ? 0x1005 : 0, 1}};
		amd.reg[6] = way & 2 ? BIT(6) : 0;
		assert_null(start(&amdvi_ops));
		/* Flags 23h: HtTunEn, PassPW, Coherent. */
		assert_int_equal(amd.reg[3], 1 | BIT(2) | BIT(12) | BIT(1) | BIT(8) | BIT(10));
		assert_false(amd.was_off);
		assert_int_equal(amd.reg[4], 0);
		assert_int_equal(amd.all, !!(way & 2));
		assert_int_equal(amd.devices, 65536);
		assert_int_equal(amd.pages, way & 2 ? 0 : 1);
	}
	dte = phys_ptr(shared);
	for (u32 i = 0; i < 65536; i++) {
		bool special = i == 0xa0;

		assert_int_equal(dte[4 * i] & 0xfff, 3 | map.levels << 9);
		assert_int_equal(dte[4 * i] >> 61, 3);
		assert_int_equal(dte[4 * i + 1], 1 | (special ? 1ULL << 40 : 0));
		assert_int_equal(dte[4 * i + 2], special ? 7ULL << 56 | 3ULL << 62 : 0);
		assert_int_equal(dte[4 * i + 3], 0);
	}
}

static void amd_refused(void **state)
{
	(void)state;
	amd = (struct amd){.dead = true};
	assert_string_equal(start(&amdvi_ops), "it does not switch translation on");
	amd = (struct amd){.reg = {0, 0, 0, ~0ULL, 0, 0, ~0ULL}};
	assert_string_equal(start(&amdvi_ops), "nothing answers there");
}

static void amd_faults(void **state)
{
	(void)state;
	amd = (struct amd){.reg[6] = BIT(6)};
	assert_null(start(&amdvi_ops));
	nr_seen = writes = 0;
	amdvi_ops.poll(&unit, note, NULL);
	assert_int_equal(nr_seen + writes, 0);
	amd_event(2ULL << 60 | BIT(53) | 0x18, 0xfe67010);
	amd_event(2ULL << 60 | 0x1fa, 0x1000);
	amdvi_ops.poll(&unit, note, NULL);
	assert_int_equal(nr_seen, 2);
	assert_true(seen[0].source == 0x18 && seen[0].write && seen[0].addr == 0xfe67010);
	assert_true(seen[1].source == 0x1fa && !seen[1].write && seen[1].reason == 2);
	assert_int_equal(amd.event_head, 32);
	/* Round the ring some times, and over its end: as many as fit are counted, and it goes on. */
	for (u32 turn = 0; turn < 5; turn++) {
		nr_seen = 0;
		for (u32 i = 0; i < 100 + 100 * turn; i++)
			amd_event(2ULL << 60 | 0x18, i);
		amdvi_ops.poll(&unit, note, NULL);
		assert_int_equal(nr_seen, turn < 2 ? 100 + 100 * turn : 255);
		assert_int_equal(seen[nr_seen - 1].addr, nr_seen - 1);
		assert_int_equal(amd.status & 1, 0);
		assert_true(amd.reg[3] & BIT(2));
		amdvi_ops.poll(&unit, note, NULL);
		assert_int_equal(nr_seen, turn < 2 ? 100 + 100 * turn : 255);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vtd_in_order), cmocka_unit_test(vtd_other_mode),
		cmocka_unit_test(vtd_refused),  cmocka_unit_test(vtd_faults),
		cmocka_unit_test(amd_in_order), cmocka_unit_test(amd_refused),
		cmocka_unit_test(amd_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
