/* SPDX-License-Identifier: MIT */
/* Physical memory in arrays; see ram.h here. */
#include "tests/host/fake/ram.h"
#include "mm/phys/phys.h"
#include <stdio.h>
#include <stdlib.h>

/* The end itself may be pointed at: it is what the end of an object is. */
void *phys_ptr(u64 hpa)
{
	for (u32 i = 0; i < fake_ram_count; i++)
		if (hpa >= fake_ram[i].start && hpa - fake_ram[i].start <= fake_ram[i].size)
			return (u8 *)fake_ram[i].at + (hpa - fake_ram[i].start);
	fprintf(stderr, "phys_ptr(0x%lx): not RAM\n", hpa);
	abort();
}

u64 phys_addr(const void *ptr)
{
	for (u32 i = 0; i < fake_ram_count; i++) {
		const u8 *at = fake_ram[i].at;

		if ((const u8 *)ptr >= at && (u64)((const u8 *)ptr - at) <= fake_ram[i].size)
			return fake_ram[i].start + (u64)((const u8 *)ptr - at);
	}
	abort();
}
