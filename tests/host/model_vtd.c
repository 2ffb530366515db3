/* SPDX-License-Identifier: MIT */
/* A model of VT-d's registers: iommu_models.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mm/phys/phys.h"
#include "tests/host/iommu_models.h"

#define FRO 0x220
#define IRO 0xf0

struct vtd vtd;

static void vtd_invalidate(bool iotlb)
{
	/* The one before the other: VT-d specification 6.5.3.1. */
	if (iotlb)
		assert_true(vtd.contexts_clean);
	*(iotlb ? &vtd.iotlb_clean : &vtd.contexts_clean) = true;
}

static void vtd_command(u32 value)
{
	u32 changed = (vtd.gsts & ~(u32)(BIT(30) | BIT(24))) ^ value;

	if (vtd.dead)
		return;
	/* One at a time: VT-d specification 10.4.4. */
	changed &= (u32)(BIT(31) | BIT(30) | BIT(28) | BIT(27) | BIT(26) | BIT(25));
	assert_int_equal(changed & (changed - 1), 0);
	if (value & BIT(30)) {
		vtd.root = vtd.rtaddr;
		vtd.gsts |= (u32)BIT(30);
		vtd.contexts_clean = vtd.iotlb_clean = false;
	}
	if (changed & BIT(31)) {
		vtd.was_off |= !(value & BIT(31));
		if (value & BIT(31)) {
			assert_true(vtd.root == vtd.ours);
			assert_true(vtd.contexts_clean && vtd.iotlb_clean);
		}
	}
	if ((changed & BIT(26)) && (value & BIT(26)))
		vtd.iqh = 0;
	if (value & BIT(27))
		vtd.prompted = true;
	vtd.gsts =
		(vtd.gsts & (u32)BIT(30)) | (value & (u32)(BIT(31) | BIT(28) | BIT(26) | BIT(25)));
}

static void vtd_queue(void)
{
	while (!vtd.dead && (vtd.gsts & BIT(26)) && vtd.iqh != vtd.iqt) {
		u64 *d = phys_ptr(vtd.iqa + vtd.iqh);

		switch (d[0] & 15) {
		case 1:
			assert_int_equal(d[0] >> 4 & 3, 1);
			vtd_invalidate(false);
			break;
		case 2:
			assert_int_equal(d[0] >> 4 & 3, 1);
			vtd_invalidate(true);
			break;
		case 5:
			assert_true(d[0] & BIT(5));
			*(u32 *)phys_ptr(d[1]) = (u32)(d[0] >> 32);
			break;
		default:
			fail_msg("descriptor %lx", d[0]);
		}
		vtd.iqh += 16;
	}
}

u64 vtd_read(u32 offset)
{
	switch (offset) {
	case 0x08:
		return vtd.cap;
	case 0x10:
		return vtd.ecap;
	case 0x1c:
		return vtd.gsts;
	case 0x20:
		return vtd.rtaddr;
	case 0x2c:
	case IRO + 12:
		return vtd.dead ? BIT(31) : 0;
	case 0x34:
		return vtd.fsts;
	case 0x64:
		return vtd.pmen;
	case 0x80:
		/* What firmware has queued is done some time. */
		if (!vtd.dead && vtd.iqh != vtd.iqt)
			vtd.iqh += 16;
		return vtd.iqh;
	case 0x88:
		return vtd.iqt;
	}
	if (offset >= FRO && offset < FRO + 32)
		return vtd.record[(offset - FRO) / 8];
	fail_msg("read of register %x", offset);
	return 0;
}

void vtd_write(u32 offset, u64 value)
{
	switch (offset) {
	case 0x18:
		vtd_command((u32)value);
		return;
	case 0x20:
		/* The mode may not change while it translates. */
		assert_false((vtd.gsts & BIT(31)) && ((vtd.rtaddr ^ value) & GENMASK(11, 10)));
		vtd.rtaddr = value;
		return;
	case 0x28:
		assert_false(vtd.gsts & BIT(26));
		assert_int_equal(value >> 61, 5);
		vtd_invalidate(false);
		return;
	case IRO + 8:
		assert_false(vtd.gsts & BIT(26));
		assert_int_equal(value >> 60, 9);
		vtd_invalidate(true);
		return;
	case 0x34:
		vtd.fsts &= ~(u32)(value & 0x7d);
		return;
	case 0x38:
		assert_int_equal(value, BIT(31));
		return;
	case 0x64:
		/* Not before translation keeps devices out. */
		assert_true(vtd.gsts & BIT(31));
		vtd.pmen = 0;
		return;
	case 0x88:
		vtd.iqt = value;
		vtd_queue();
		return;
	case 0x90:
		assert_false(vtd.gsts & BIT(26));
		vtd.iqa = value;
		return;
	}
	assert_true(offset >= FRO && offset < FRO + 32 && offset % 16 == 8);
	if (value & BIT(63))
		vtd.record[(offset - FRO) / 8] &= ~BIT(63);
	if (!(vtd.record[1] & BIT(63)) && !(vtd.record[3] & BIT(63)))
		vtd.fsts &= ~2U;
}
