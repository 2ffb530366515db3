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
void *phys_ptr(u64 hpa);

/* The physical address behind a pointer that phys_ptr() returned. */
u64 phys_addr(const void *ptr);

#endif
