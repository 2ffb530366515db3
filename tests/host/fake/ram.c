/* SPDX-License-Identifier: MIT */
/* Physical memory in arrays; see ram.h here. */
#include "tests/host/fake/ram.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"
#include <stdio.h>
#include <stdlib.h>

void (*fake_ram_looked)(u64 hpa);

/* The end itself may be pointed at: it is what the end of an object is. */
void *phys_ptr(u64 hpa)
{
	if (fake_ram_looked)
		fake_ram_looked(hpa);
	for (u32 i = 0; i < fake_ram_count; i++) {
		const struct fake_ram *ram = &fake_ram[i];
		u64 at = hpa - ram->start;

		if (hpa >= ram->start && at <= ram->size)
			return (u8 *)ram->at + (ram->period ? at % ram->period : at);
	}
	fprintf(stderr, "phys_ptr(0x%lx): not RAM\n", hpa);
	abort();
}

u64 phys_addr(const void *ptr)
{
	for (u32 i = 0; i < fake_ram_count; i++) {
		const struct fake_ram *ram = &fake_ram[i];
		u64 at = (u64)ptr - (u64)ram->at;

		if (ptr >= ram->at && at < (ram->period ? ram->period : ram->size))
			return ram->start + at;
	}
	return (u64)ptr;
}

u64 map_end(void)
{
	u64 end = GIB(4);

	for (u32 i = 0; i < fake_ram_count; i++) {
		if (fake_ram[i].start + fake_ram[i].size > end)
			end = fake_ram[i].start + fake_ram[i].size;
	}
	return end;
}
