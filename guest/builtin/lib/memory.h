/* SPDX-License-Identifier: MIT */
/* The memory a guest kernel was given, and pages out of it. */
#ifndef GUEST_LIB_MEMORY_H
#define GUEST_LIB_MEMORY_H

#include "arch/types.h"

#define MEMORY_RAM 1

struct memory_range {
	u64 start, end; /* bytes; end exclusive */
	u32 type;       /* MEMORY_RAM, else not to be used */
};

#define MEMORY_RANGES 64

/* The loader's map, in its order. */
extern struct memory_range memory_map[MEMORY_RANGES];
extern u32 memory_ranges;

/* The RSDP as the loader told; 0 when it did not. */
extern u64 memory_rsdp;

/* Copy what is needed out of the multiboot information. */
void memory_init(u32 magic, uintptr_t info);

/* The kernel's command line. */
extern char memory_cmdline[256];

/* True when all of [start, end) is RAM in the map. */
bool memory_is_ram(u64 start, u64 end);

/* The end of the highest RAM range. */
u64 memory_end(void);

/*
 * Allocate `pages` contiguous pages of RAM below 4 GiB, zeroed, the first one aligned to `align`
 * bytes (a power of two). They are never freed.
 *
 * Returns the physical address, which is also its address in the kernel's map. Out of memory:
 * guest_fail().
 */
u64 page_alloc(u32 pages, u64 align);

/* A pointer to identity-mapped memory. The compiler must not reason about page 0 and the like. */
static inline void *ptr(u64 pa)
{
	uintptr_t p = (uintptr_t)pa;

	__asm__("" : "+r"(p));
	return (void *)p;
}

#endif
