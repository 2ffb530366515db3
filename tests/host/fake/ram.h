/* SPDX-License-Identifier: MIT */
/* mm/phys/phys.h of a host program: stretches of physical memory, and nothing anywhere else. */
#ifndef TESTS_HOST_FAKE_RAM_H
#define TESTS_HOST_FAKE_RAM_H

#include "arch/types.h"

struct fake_ram {
	u64 start, size;
	void *at; /* where they lie in the program */
};

/* The test defines these. A pointer to what is in none of them ends the program. */
extern struct fake_ram fake_ram[];
extern const u32 fake_ram_count;

#endif
