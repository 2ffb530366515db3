/* SPDX-License-Identifier: MIT */
/*
 * The one way to physical memory.
 *
 * In the hypervisor it is the direct map; a host test supplies its own, over an array, and so the
 * whole of mm/ and the loaders compile as an ordinary program.
 */
#ifndef MM_PHYS_H
#define MM_PHYS_H

#include "arch/types.h"

/*
 * The hypervisor's pointer to a physical address.
 *
 * hpa: bytes; must be RAM or firmware tables below the direct map's end. An object is contiguous
 * in physical memory where it is contiguous here.
 */
/* Where the direct map begins. */
#define MAP_DIRECT 0xffff800000000000ULL

#if __STDC_HOSTED__
void *phys_ptr(u64 hpa);
#else
static inline void *phys_ptr(u64 hpa)
{
	return (void *)(MAP_DIRECT + hpa);
}
#endif

/* The physical address behind a pointer that phys_ptr() returned. */
u64 phys_addr(const void *ptr);

#endif
