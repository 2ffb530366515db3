/* SPDX-License-Identifier: MIT */
#include "tests/host/fake/io_apic.h"

#include "guest/firmware/madt.h"
#include "guest/machine/machine.h"
#include "tests/host/fake/ram.h"

u32 io_select;

struct fake_ram fake_ram[] = {{FAKE_IO_APIC, sizeof(io_select), &io_select, 0}};
const u32 fake_ram_count = 1;

void madt_each_io_apic(const struct bootinfo *boot, void (*visit)(void *ctx, u32 hpa), void *ctx)
{
	(void)boot;
	visit(ctx, FAKE_IO_APIC);
}

int watch_memory(struct machine *m, u64 start, u64 end)
{
	m->watched[m->nr_watched++] = (struct memmap_range){start, end, MEMMAP_RESERVED};
	return 0;
}
