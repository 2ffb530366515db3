/* SPDX-License-Identifier: MIT */
/* Intel's VT-d, in legacy mode: VT-d specification 6 (invalidation), 7 (faults), 10 (registers). */
#include "guest/iommu/unit.h"
#include "mm/phys/phys.h"

#define REG_CAP        0x08
#define REG_ECAP       0x10
#define REG_GCMD       0x18
#define REG_GSTS       0x1c
#define REG_RTADDR     0x20
#define REG_CCMD       0x28
#define REG_FSTS       0x34
#define REG_FECTL      0x38
#define REG_PMEN       0x64
#define REG_IQH        0x80
#define REG_IQT        0x88
#define REG_IQA        0x90

#define CAP_RWBF       BIT(4)
#define CAP_PLMR       BIT(5)
#define CAP_PHMR       BIT(6)
#define CAP_SAGAW(cap) ((cap) >> 8 & 14) /* bit n: n + 2 levels, 3 to 5 */
#define CAP_MGAW(cap)  (((cap) >> 16 & 63) + 1)
#define CAP_FRO(cap)   (u32)(((cap) >> 24 & 0x3ff) * 16)
#define CAP_SLLPS_2M   BIT(34)
#define CAP_SLLPS_1G   BIT(35)
#define CAP_NFR(cap)   (u32)(((cap) >> 40 & 0xff) + 1)

#define ECAP_QI        BIT(1)
#define ECAP_IRO(ecap) (u32)(((ecap) >> 8 & 0x3ff) * 16)
#define ECAP_SMTS      BIT(43)
#define ECAP_SSTS      BIT(46) /* second-stage tables in scalable mode */

/* GCMD and GSTS. Bits that are commands of a moment are zero when GSTS is written back. */
#define GLOBAL_TE         BIT(31)
#define GLOBAL_RTP        BIT(30)
#define GLOBAL_AFL        BIT(28)
#define GLOBAL_WBF        BIT(27)
#define GLOBAL_QIE        BIT(26)
#define GLOBAL_IRE        BIT(25)
#define GSTS_LASTING      0x96ffffffU

#define RTADDR_TTM        GENMASK(11, 10) /* 0: legacy */
#define CCMD_GLOBAL       (BIT(63) | BIT(61))
#define IOTLB_GLOBAL      (BIT(63) | BIT(60) | BIT(49) | BIT(48)) /* reads and writes drained */
#define PMEN_EPM          BIT(31)
#define PMEN_PRS          BIT(0)
#define FECTL_IM          BIT(31)
#define FSTS_ERRORS       0x7d /* all that is cleared by a 1: but PPF, which follows the records */
#define FSTS_PPF          BIT(1)
#define FSTS_INVALIDATION 0x70

/* A fault record's upper half. */
#define RECORD_F        BIT(63)
#define RECORD_READ     BIT(62)

#define CONTEXT_PRESENT BIT(0) /* type 0: translation requests and translated ones are blocked */
#define CONTEXT_DOMAIN  (1ULL << 8)
#define ROOT_PRESENT    BIT(0)

/* Descriptors of the invalidation queue. Its last slot is never reached, and takes the status. */
#define QI_CONTEXT (1 | 1 << 4)
#define QI_IOTLB   (2 | 1 << 4 | BIT(6) | BIT(7))
#define QI_WAIT    (5 | BIT(5) | 1ULL << 32)
#define QI_STATUS  (PAGE_SIZE - 16)

static bool wait_for(const struct iommu_unit *unit, u32 offset, u32 bit, bool set)
{
	for (u32 i = 0; i < IOMMU_PATIENCE; i++)
		if (!(iommu_read32(unit, offset) & bit) != set)
			return true;
	return false;
}

/* One command at a time; the bits of GCMD that are states keep what GSTS says of them. */
static bool command(const struct iommu_unit *unit, u32 bit, bool set)
{
	u32 now = iommu_read32(unit, REG_GSTS) & GSTS_LASTING;

	iommu_write32(unit, REG_GCMD, set ? now | bit : now & ~bit);
	/* The write buffer's flush is over when its bit is clear. */
	return wait_for(unit, REG_GSTS, bit, set && bit != GLOBAL_WBF);
}

/* Off, unless it is off already. */
static bool switch_off(const struct iommu_unit *unit, u32 bit)
{
	return !(iommu_read32(unit, REG_GSTS) & bit) || command(unit, bit, false);
}

static const char *probe(struct iommu_unit *unit, struct iommu_limits *limits)
{
	u64 cap = iommu_read64(unit, REG_CAP), ecap = iommu_read64(unit, REG_ECAP), end;
	u32 leaf = 1;

	if (cap == ~0ULL && ecap == ~0ULL)
		return "nothing answers there";
	if ((ecap & ECAP_SMTS) && !(ecap & ECAP_SSTS))
		return "it has no second-stage tables";
	if (cap & CAP_SLLPS_2M)
		leaf = cap & CAP_SLLPS_1G ? 3 : 2;
	limits->levels &= (u32)CAP_SAGAW(cap) << 2;
	limits->leaf = leaf < limits->leaf ? leaf : limits->leaf;
	limits->address = CAP_MGAW(cap) < limits->address ? CAP_MGAW(cap) : limits->address;
	unit->faults = CAP_FRO(cap);
	unit->nr_faults = CAP_NFR(cap);
	end = unit->faults + unit->nr_faults * 16;
	if (end < ECAP_IRO(ecap) + 16)
		end = ECAP_IRO(ecap) + 16;
	if (unit->size < end)
		unit->size = ALIGN_UP(end, PAGE_SIZE);
	return NULL;
}

/* One context table for all buses: every device has the same entry. */
static u64 prepare(const struct iommu_map *map, u64 root, const u8 *table, u32 size,
		   struct iommu_pool *pool)
{
	u64 roots = iommu_take(pool, 1), contexts = iommu_take(pool, 1), *r, *c;

	(void)table;
	(void)size;
	if (roots == ~0ULL || contexts == ~0ULL)
		return ~0ULL;
	r = phys_ptr(roots);
	c = phys_ptr(contexts);
	for (u32 i = 0; i < 256; i++) {
		r[2 * i] = contexts | ROOT_PRESENT;
		c[2 * i] = root | CONTEXT_PRESENT;
		c[2 * i + 1] = (map->levels - 2) | CONTEXT_DOMAIN;
	}
	return roots;
}

static bool invalidate_by_registers(const struct iommu_unit *unit)
{
	u32 iotlb = ECAP_IRO(iommu_read64(unit, REG_ECAP)) + 8;

	iommu_write64(unit, REG_CCMD, CCMD_GLOBAL);
	if (!wait_for(unit, REG_CCMD + 4, BIT(31), false))
		return false;
	iommu_write64(unit, iotlb, IOTLB_GLOBAL);
	return wait_for(unit, iotlb + 4, BIT(31), false);
}

static bool invalidate_by_queue(const struct iommu_unit *unit, u64 queue)
{
	static const u64 descriptors[] = {QI_CONTEXT, QI_IOTLB, QI_WAIT};
	u64 *q = phys_ptr(queue);
	volatile u32 *status = phys_ptr(queue + QI_STATUS);

	for (u32 i = 0; i < ARRAY_SIZE(descriptors); i++)
		q[2 * i] = descriptors[i];
	q[2 * ARRAY_SIZE(descriptors) - 1] = queue + QI_STATUS;
	iommu_flush(queue, PAGE_SIZE);
	/* With the queue off: VT-d specification 10.4.22. */
	iommu_write64(unit, REG_IQT, 0);
	iommu_write64(unit, REG_IQA, queue);
	if (!command(unit, GLOBAL_QIE, true))
		return false;
	iommu_write64(unit, REG_IQT, sizeof(descriptors) * 2);
	for (u32 i = 0; i < IOMMU_PATIENCE; i++) {
		/* The register's read leaves the unit time, and finds errors. */
		if (iommu_read32(unit, REG_FSTS) & FSTS_INVALIDATION)
			return false;
		if (*status)
			return true;
	}
	return false;
}

static void clear_faults(const struct iommu_unit *unit)
{
	for (u32 i = 0; i < unit->nr_faults; i++)
		iommu_write64(unit, unit->faults + 16 * i + 8, RECORD_F);
	iommu_write32(unit, REG_FSTS, FSTS_ERRORS);
}

/* What firmware may have left on, down to translation itself, which stays on where it can. */
static bool take_over(const struct iommu_unit *unit)
{
	bool other_mode = iommu_read64(unit, REG_RTADDR) & RTADDR_TTM;

	if (iommu_read32(unit, REG_GSTS) & GLOBAL_QIE)
		for (u32 i = 0; iommu_read64(unit, REG_IQH) != iommu_read64(unit, REG_IQT); i++)
			if (i == IOMMU_PATIENCE)
				return false;
	return (!other_mode || switch_off(unit, GLOBAL_TE)) && switch_off(unit, GLOBAL_IRE) &&
	       switch_off(unit, GLOBAL_QIE) && switch_off(unit, GLOBAL_AFL);
}

static const char *enable(struct iommu_unit *unit, u64 shared, struct iommu_pool *pool)
{
	u64 cap = iommu_read64(unit, REG_CAP), queue = iommu_take(pool, 1);
	bool queued = iommu_read64(unit, REG_ECAP) & ECAP_QI;

	if (queue == ~0ULL)
		return "no memory for its queue";
	iommu_write32(unit, REG_FECTL, FECTL_IM);
	if (!take_over(unit))
		return "it does not stop what the firmware started";
	if ((cap & CAP_RWBF) && !command(unit, GLOBAL_WBF, true))
		return "it does not flush its write buffer";
	iommu_write64(unit, REG_RTADDR, shared);
	if (!command(unit, GLOBAL_RTP, true))
		return "it does not take a root table";
	clear_faults(unit);
	if (!(queued ? invalidate_by_queue(unit, queue) : invalidate_by_registers(unit)))
		return "it does not invalidate its caches";
	if (!command(unit, GLOBAL_TE, true))
		return "it does not switch translation on";
	/* Firmware's own protection before boot: no more needed, and in the guest's way. */
	if ((cap & (CAP_PLMR | CAP_PHMR)) && (iommu_read32(unit, REG_PMEN) & PMEN_EPM)) {
		iommu_write32(unit, REG_PMEN, 0);
		if (!wait_for(unit, REG_PMEN, PMEN_PRS, false))
			return "it does not open the firmware's protected memory";
	}
	return NULL;
}

static const char *const reasons[] = {
	[0x04] = "past its addresses",
	[0x05] = "not for it to write",
	[0x06] = "not for it to read",
	[0x0d] = "a translated address",
};

static void poll(struct iommu_unit *unit, iommu_fault_visit visit, void *ctx)
{
	/* PPF, or PFO: records are full, and what came then is lost; the rest is cleared with it. */
	if (!(iommu_read32(unit, REG_FSTS) & (FSTS_PPF | BIT(0))))
		return;
	for (u32 i = 0; i < unit->nr_faults; i++) {
		u32 at = unit->faults + 16 * i;
		u64 high = iommu_read64(unit, at + 8);
		struct iommu_fault fault;

		if (!(high & RECORD_F))
			continue;
		fault.source = (u16)high;
		fault.addr = iommu_read64(unit, at) & GENMASK(63, 12);
		fault.write = !(high & RECORD_READ);
		fault.reason = (u8)(high >> 32);
		iommu_write64(unit, at + 8, RECORD_F);
		visit(ctx, unit, &fault);
	}
	iommu_write32(unit, REG_FSTS, FSTS_ERRORS);
}

const struct iommu_ops vtd_ops = {
	.name = "VT-d",
	.table = "DMAR",
	.parse = dmar_parse,
	.each_reserved = dmar_each_reserved,
	.common_pages = 2,
	.unit_pages = 1,
	.probe = probe,
	.prepare = prepare,
	.enable = enable,
	.poll = poll,
	.reasons = reasons,
	.nr_reasons = ARRAY_SIZE(reasons),
};
