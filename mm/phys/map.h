/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own address space: all of physical memory at MAP_DIRECT (the first 4 GiB from
 * the entry code on, the rest after map_extend()), and the image where it is linked.
 */
#ifndef MM_PHYS_MAP_H
#define MM_PHYS_MAP_H

#include "mm/phys/memmap.h"
#include "mm/phys/phys.h"

#define MAP_DIRECT_MAX (64ULL << 40) /* bytes: half the room below the image */

/* Physical address of the image's first byte; the entry code stores it. */
extern u64 map_image_hpa;

/*
 * Give the image its rights, and drop what the entry code needed.
 *
 * Afterwards text is executable and read-only, read-only data is that (through the direct map as
 * well), all else is writable and never executable, and address 0 is not mapped.
 */
void map_init(void);

/*
 * Map the first 4 GiB at address 0 as well, executable, or no longer: for CPUs that turn paging on.
 * This CPU sees the change at once.
 */
void map_identity(bool on);

/* Take a page of the image, given by its linked address, out of the map: a guard. */
void map_guard(const void *page);

/*
 * Extend the direct map to the end of RAM, by 1 GiB pages where the CPU has them, else 2 MiB.
 *
 * alloc: returns the physical address of a zeroed page below 4 GiB that stays the map's own, or ~0
 * when there is none; ctx is passed to it. Needs one page for each 512 GiB, and without 1 GiB pages
 * one more for each GiB above 4 GiB.
 * Returns 0, or -1 after a fail() line when alloc has no page or RAM ends past MAP_DIRECT_MAX.
 */
int map_extend(const struct memmap *map, u64 (*alloc)(void *ctx), void *ctx);

/*
 * Make [hpa, hpa + size) uncacheable in the direct map: registers of a device. Page aligned, bytes,
 * below 4 GiB and outside of the image.
 *
 * alloc, ctx: as for map_extend(); a page for each 2 MiB page that is cut.
 * Returns 0, or -1 after a fail() line when alloc has no page.
 */
int map_uncached(u64 hpa, u64 size, u64 (*alloc)(void *ctx), void *ctx);

/* Bytes of physical memory, from 0, that phys_ptr() reaches. */
u64 map_end(void);

#endif
