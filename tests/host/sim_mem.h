/* SPDX-License-Identifier: MIT */
/*
 * The physical memory of the simulated machine, behind mm/phys/phys.h.
 *
 *   0       640K   RAM
 *   640K    1M     nothing: reads all ones
 *   1M      8M     RAM
 *   8M      24M    the hypervisor's: hole page first, pool after it
 *   24M     28M    RAM
 *   4G      4G+1M  RAM, if the machine has any there
 */
#ifndef TESTS_HOST_SIM_MEM_H
#define TESTS_HOST_SIM_MEM_H

#include "mm/phys/memmap.h"

#define SIM_HIDDEN_START MIB(8)
#define SIM_HIDDEN_END   MIB(24)
#define SIM_HOLE         SIM_HIDDEN_START
#define SIM_POOL         (SIM_HIDDEN_START + PAGE_SIZE)
#define SIM_HIGH_START   GIB(4)

/*
 * Device registers, whole pages of no RAM: watched ones in what RAM shares its 2 MiB with, below 4 GiB
 * and past all RAM; hidden ones likewise.
 */
#define SIM_WATCHED                                                             \
	{                                                                       \
		{KIB(704), KIB(708), 0}, {GIB(3) + MIB(6), GIB(3) + MIB(9), 0}, \
			{GIB(9), GIB(9) + 3 * PAGE_SIZE, 0},                    \
	}
#define SIM_FAR_HIDDEN                                                                      \
	{                                                                                   \
		{KIB(712), KIB(720), 0}, {GIB(3) + MIB(4), GIB(3) + MIB(4) + PAGE_SIZE, 0}, \
			{GIB(9) + MIB(1), GIB(9) + MIB(3), 0},                              \
	}

/* Zero the guest's RAM, fill the hypervisor's with junk. */
void sim_mem_reset(u64 pool_size, bool high_ram);

/* The guest's map: RAM as above. */
void sim_mem_map(struct memmap *map);

/* True for the guest's RAM; for the hypervisor's pages. */
bool sim_is_ram(u64 gpa);
bool sim_is_hidden(u64 hpa);

/* Read as the guest's CPU does: what is not RAM, or hidden, is all ones. size: up to 8, in a page. */
u64 sim_read(u64 gpa, u32 size);

/* Store to guest RAM, and remember it, so that sim_mem_changes() does not report it. */
void sim_write(u64 gpa, const void *data, u32 size);

/* Called at each phys_ptr() of guest RAM, unless NULL; sim_mem_reset() makes it so. */
extern void (*sim_mem_looked)(void *ctx);
extern void *sim_mem_ctx;

/* Call back for each aligned 8 bytes of guest RAM that changed without sim_write(). */
typedef void (*sim_change_fn)(void *ctx, u64 gpa, u64 old, u64 now);
void sim_mem_changes(sim_change_fn fn, void *ctx);

/* True while RAM that sim_write() never touched is still zero. Slow. */
bool sim_mem_rest_is_zero(void);

#endif
