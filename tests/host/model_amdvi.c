/* SPDX-License-Identifier: MIT */
/* A model of AMD-Vi's registers: iommu_models.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mm/phys/phys.h"
#include "tests/host/iommu_models.h"

struct amd amd;

static void amd_commands(void)
{
	while (!amd.dead && (amd.reg[3] & BIT(12)) && (amd.reg[3] & 1) && amd.head != amd.tail) {
		u64 *c = phys_ptr((amd.reg[1] & GENMASK(51, 12)) + amd.head);

		switch (c[0] >> 60) {
		case 1:
			assert_true(c[0] & 1);
			*(u64 *)phys_ptr(c[0] & GENMASK(51, 3)) = c[1];
			break;
		case 2:
			assert_int_equal(c[0] & 0xffff, amd.devices);
			amd.devices++;
			break;
		case 3:
			assert_int_equal(c[0] >> 32 & 0xffff, 1);
			assert_int_equal(c[1], 0x7ffffffffffff003);
			amd.pages++;
			break;
		case 8:
			amd.all++;
			break;
		default:
			fail_msg("command %lx", c[0]);
		}
		amd.head = (amd.head + 16) % 4096;
	}
}

u64 amd_read(u32 offset)
{
	if (offset < 0x40)
		return amd.reg[offset / 8];
	assert_int_equal(offset, 0x2020);
	return amd.status | (amd.reg[3] & BIT(2) && !(amd.status & 1) ? BIT(3) : 0) |
	       (amd.reg[3] & BIT(12) ? BIT(4) : 0);
}

void amd_write(u32 offset, u64 value)
{
	switch (offset) {
	case 0x18:
		amd.was_off |= (amd.reg[3] & 1) && !(value & 1);
		if (value & 1 && value & BIT(12))
			assert_int_equal(amd.reg[0], amd.ours | 511);
		amd.reg[3] = amd.dead ? 0 : value;
		return;
	case 0x2000:
		assert_false(amd.reg[3] & BIT(12));
		amd.head = value;
		return;
	case 0x2008:
		amd.tail = value;
		amd_commands();
		return;
	case 0x2010:
		amd.event_head = value;
		return;
	case 0x2018:
		assert_false(amd.reg[3] & BIT(2));
		amd.event_tail = value;
		return;
	case 0x2020:
		amd.status &= ~value;
		return;
	}
	assert_true(offset < 0x30);
	/* Rings are exchanged while they stand still. */
	assert_false(offset == 0x08 && (amd.reg[3] & BIT(12)));
	assert_false(offset == 0x10 && (amd.reg[3] & BIT(2)));
	if (offset == 0x10)
		amd.event_head = amd.event_tail = 0;
	amd.reg[offset / 8] = value;
}

void amd_event(u64 low, u64 high)
{
	u64 next = (amd.event_tail + 16) % 4096, *e;

	if (!(amd.reg[3] & BIT(2)) || (amd.status & 1))
		return;
	if (next == amd.event_head) {
		amd.status |= 1;
		return;
	}
	e = phys_ptr((amd.reg[2] & GENMASK(51, 12)) + amd.event_tail);
	e[0] = low;
	e[1] = high;
	amd.event_tail = next;
}
