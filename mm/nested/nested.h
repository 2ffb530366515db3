/* SPDX-License-Identifier: MIT */
/*
 * Nested paging: the second-level tables that the CPU walks behind the guest's own, of AMD's format
 * or Intel's. They map every guest-physical address to itself, but for the hypervisor's memory.
 *
 * Filled at the first access, 2 MiB at once; 4 KiB at once where a 2 MiB page would say too much: in
 * reach of the hypervisor's memory, and for EPT where RAM and devices meet. Nothing here knows VMX or
 * SVM: the user gives nested_root() to the hardware and makes the flush that a fault asks for.
 *
 * All calls on one struct nested must be serialised by the caller.
 */
#ifndef MM_NESTED_H
#define MM_NESTED_H

#include "mm/counters.h"
#include "mm/phys/memmap.h"

enum nested_format {
	NESTED_NPT, /* long-mode page tables: APM vol. 2 15.25.5 */
	NESTED_EPT, /* SDM vol. 3C 29.3.2; leaves: write-back for RAM, uncacheable for all else */
};

struct nested_config {
	enum nested_format format;
	u8 maxphyaddr; /* bits; what is past the 48th, four levels cannot map */
	/* What is RAM is write-back. It has to outlive the tables. */
	const struct memmap *guest_map;
	struct tables_config tables;
};

struct nested;

#define NESTED_BITS 48

/* Bytes of pool that a guest with this map should have: enough to map its RAM without recycling. */
u64 nested_memory_size(const struct memmap *guest_map);

/* Set up, with nothing mapped; returns NULL when the pool is too small, after a fail() line. */
struct nested *nested_init(const struct nested_config *config);

/* Physical address of the top table. There are four levels. It never changes. */
u64 nested_root(const struct nested *n);

/*
 * The CPU found no entry for a guest-physical address: make one. When the pool is used up, everything
 * is dropped first, and *flush set: every CPU has to forget all that these tables told it before its
 * guest runs on. *flush is left alone otherwise. A write to a watched page stays forbidden: the caller
 * carries it out.
 *
 * Returns 0; or -1, with nothing done, for an address past maxphyaddr or NESTED_BITS.
 */
int nested_fault(struct nested *n, struct counters *counters, u64 gpa, bool *flush);

/*
 * Check that every entry maps its own address, and none the hypervisor's memory.
 * Returns the number of violations; the first few are fail() lines.
 */
u32 nested_audit(const struct nested *n);

#endif
