/* SPDX-License-Identifier: MIT */
/* The simulated machine's physical memory, and who changed it. */
#include "tests/host/sim_mem.h"
#include "mm/phys/phys.h"
#include "tests/host/fake/ram.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOW_SIZE  MIB(28)
#define HIGH_SIZE MIB(1)
#define NR_FRAMES ((LOW_SIZE + HIGH_SIZE) / PAGE_SIZE)

static _Alignas(4096) u8 memory[LOW_SIZE + HIGH_SIZE];
static _Alignas(4096) u8 known[LOW_SIZE + HIGH_SIZE]; /* what memory held when last looked at */
static u16 written[NR_FRAMES];                        /* frames that may not be zero */
static u32 nr_written;
static bool is_written[NR_FRAMES];
static bool has_high_ram;

struct fake_ram fake_ram[] = {
	{0, LOW_SIZE, memory, 0},
	{SIM_HIGH_START, HIGH_SIZE, memory + LOW_SIZE, 0},
};
const u32 fake_ram_count = ARRAY_SIZE(fake_ram);

void (*sim_mem_looked)(void *ctx);
void *sim_mem_ctx;

/* Offset in memory[] of a physical address, or -1 where there is none. */
static s64 offset(u64 hpa)
{
	if (hpa < LOW_SIZE)
		return hpa;
	if (has_high_ram && hpa >= SIM_HIGH_START && hpa < SIM_HIGH_START + HIGH_SIZE)
		return LOW_SIZE + (hpa - SIM_HIGH_START);
	return -1;
}

bool sim_is_hidden(u64 hpa)
{
	return hpa >= SIM_HIDDEN_START && hpa < SIM_HIDDEN_END;
}

bool sim_is_ram(u64 gpa)
{
	return offset(gpa) >= 0 && !sim_is_hidden(gpa) && (gpa < KIB(640) || gpa >= MIB(1));
}

static void looked(u64 hpa)
{
	if (!sim_is_ram(hpa) && !sim_is_hidden(hpa)) {
		fprintf(stderr, "phys_ptr(0x%lx): not RAM\n", hpa);
		abort();
	}
	if (sim_mem_looked && !sim_is_hidden(hpa))
		sim_mem_looked(sim_mem_ctx);
}

void sim_mem_map(struct memmap *map)
{
	*map = (struct memmap){0};
	if (memmap_add(map, 0, LOW_SIZE, MEMMAP_RAM) ||
	    memmap_add(map, KIB(640), MIB(1), MEMMAP_RESERVED) ||
	    memmap_add(map, SIM_HIDDEN_START, SIM_HIDDEN_END, MEMMAP_RESERVED) ||
	    (has_high_ram &&
	     memmap_add(map, SIM_HIGH_START, SIM_HIGH_START + HIGH_SIZE, MEMMAP_RAM)))
		abort();
}

void sim_mem_reset(u64 pool_size, bool high_ram)
{
	has_high_ram = high_ram;
	sim_mem_looked = NULL;
	fake_ram_looked = looked;
	for (u32 i = 0; i < nr_written; i++) {
		memset(memory + written[i] * PAGE_SIZE, 0, PAGE_SIZE);
		memset(known + written[i] * PAGE_SIZE, 0, PAGE_SIZE);
		is_written[written[i]] = false;
	}
	nr_written = 0;
	if (SIM_POOL + pool_size > SIM_HIDDEN_END)
		abort();
	memset(memory + SIM_HOLE, 0, PAGE_SIZE);
	memset(memory + SIM_POOL, 0xa7, pool_size);
}

u64 sim_read(u64 gpa, u32 size)
{
	u64 value = 0;

	if (!sim_is_ram(gpa))
		return size == 8 ? ~0ULL : (1ULL << 8 * size) - 1;
	memcpy(&value, memory + offset(gpa), size);
	return value;
}

void sim_write(u64 gpa, const void *data, u32 size)
{
	s64 at = offset(gpa);

	if (!sim_is_ram(gpa))
		abort();
	if (!is_written[at / PAGE_SIZE]) {
		is_written[at / PAGE_SIZE] = true;
		written[nr_written++] = at / PAGE_SIZE;
	}
	memcpy(memory + at, data, size);
	memcpy(known + at, data, size);
}

void sim_mem_changes(sim_change_fn fn, void *ctx)
{
	for (u32 i = 0; i < nr_written; i++) {
		u64 *now = (u64 *)(memory + written[i] * PAGE_SIZE);
		u64 *old = (u64 *)(known + written[i] * PAGE_SIZE);

		if (!memcmp(now, old, PAGE_SIZE))
			continue;
		for (u32 k = 0; k < 512; k++) {
			u64 was = old[k];

			if (was == now[k])
				continue;
			old[k] = now[k];
			fn(ctx, phys_addr(now + k), was, now[k]);
		}
	}
}

bool sim_mem_rest_is_zero(void)
{
	static const u8 zero[PAGE_SIZE];

	for (u32 i = 0; i < NR_FRAMES; i++) {
		if (is_written[i] || sim_is_hidden(i * PAGE_SIZE))
			continue;
		if (memcmp(memory + i * PAGE_SIZE, zero, PAGE_SIZE))
			return false;
	}
	return true;
}
