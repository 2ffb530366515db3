/* SPDX-License-Identifier: MIT */
/*
 * mm/phys/phys.h and map_end() of a host program: stretches of physical memory, and nothing anywhere else. The
 * direct map ends at 4 GiB, or where they do. The program's own objects are the image's: their physical address
 * is theirs in the program, where no stretch is.
 */
#ifndef TESTS_HOST_FAKE_RAM_H
#define TESTS_HOST_FAKE_RAM_H

#include "arch/types.h"

struct fake_ram {
	u64 start, size;
	void *at;   /* where they lie in the program */
	u64 period; /* it is as long as that, and repeats; 0: it does not */
};

/* The test defines these; the first that has an address counts. Where none has it, the program ends. */
extern struct fake_ram fake_ram[];
extern const u32 fake_ram_count;

/* Called at each phys_ptr(), where a test wants to know. */
extern void (*fake_ram_looked)(u64 hpa);

#endif
