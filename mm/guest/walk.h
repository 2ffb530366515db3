/* SPDX-License-Identifier: MIT */
/*
 * The guest's own translation of an address: a walk of its tables in software, as its CPU would make it.
 * Nothing here knows of shadow or nested tables.
 */
#ifndef MM_GUEST_WALK_H
#define MM_GUEST_WALK_H

#include "mm/guest/paging.h"
#include "mm/phys/memmap.h"
#include "mm/phys/phys.h"

#define PAGING_LEVELS 6 /* an index by level: 1 to 5 */
#define NO_GFN        (~0ULL >> 12)

/* Guest entries' formats, with what else decides about their reserved bits. */
#define NR_GPTE_KINDS 12

static inline u32 gpte_kind(enum gpte_format format, bool nxe, bool pse)
{
	return format * 4 + nxe * 2 + pse;
}

/* What a walk has to know of the machine: its CPU, and which addresses are RAM. */
struct guest_paging {
	struct paging_features features;
	const struct memmap *map;
	/* What is RAM there, in whole pages: that with the most memory first. */
	struct {
		u64 start, size; /* bytes */
	} range[MEMMAP_MAX];
	u32 nr_ranges;
	u64 reserved[NR_GPTE_KINDS][PAGING_LEVELS][2]; /* bits, by PS */
};

/* An access: one that faulted, or one that is made in software. */
struct mmu_fault {
	u64 gva;
	u32 pfec;  /* the hardware's error code */
	bool ac;   /* RFLAGS.AC set and CPL < 3: SMAP does not apply */
	u32 pkru;  /* valid when CR4.PKE is set */
	bool data; /* no fetch, though the error code may not say so: see guest_fetch_shown() */
	/* Results: */
	u32 guest_pfec; /* MMU_GUEST_FAULT: the error code that the bare machine would give */
	u64 gpa;        /* MMU_*_WRITE: the byte that is written */
};

/*
 * So many passes, and no more: a CPU walks tables in a device's registers too, and these may read otherwise at
 * each look, for as long as the guest likes.
 */
#define GUEST_WALK_PASSES 64

struct walk {
	bool by_hardware; /* given: the error code is the hardware's */
	u32 passes;       /* given as 0: those that were to be made again */
	int top, level;   /* first level; the level of the leaf, or of the entry that faults */
	u64 gpte[PAGING_LEVELS];
	u64 table[PAGING_LEVELS]; /* gfn of the table at each level; NO_GFN: not RAM */
	u32 set;                  /* levels whose entries were given A or D, as bits */
	bool fault;
	u32 pfec; /* of the fault */
	u64 gpa;
};

/*
 * map: what the guest's CPU may walk tables in, as RAM; it has to outlive this. memory: where there is some, which
 * tells what is used most.
 */
void guest_paging_init(struct guest_paging *g, const struct paging_features *features,
		       const struct memmap *map, const struct memmap *memory);

/* True for an address that is the guest's RAM: a page of it. */
static inline bool guest_is_ram(const struct guest_paging *g, u64 gpa)
{
	for (u32 i = 0; i < g->nr_ranges; i++) {
		if (likely(gpa - g->range[i].start < g->range[i].size))
			return true;
	}
	return false;
}

/*
 * Read the four PDPTEs at a PAE CR3 and check their reserved bits (SDM vol. 3A 4.4.1).
 * Returns 0, or -1 when the load must raise #GP; the PDPTEs as they are, or 0 where there is no RAM.
 */
int guest_read_pdptes(const struct guest_paging *g, u64 cr3, u64 pdpte[4]);

/* One atomic access when size is 1, 2, 4 or 8 and aligned. gpa: RAM, within one page. */
void guest_store(u64 gpa, const void *data, u32 size);

/* LOCK CMPXCHG. size: 4 or 8, aligned. False when the old value was not there. */
static inline bool guest_cmpxchg(u64 gpa, u64 old, u64 new, u32 size)
{
	u32 old32 = (u32)old;

	if (size == 8)
		return __atomic_compare_exchange_n((u64 *)phys_ptr(gpa), &old, new, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return __atomic_compare_exchange_n((u32 *)phys_ptr(gpa), &old32, (u32) new, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* True when the error code has the I bit for fetches. */
bool guest_fetch_shown(const struct paging_regs *r);

/*
 * Walk, with paging on. Sets A and D bits as the access does.
 *
 * One pass: false when an entry changed before its bits could be set, and all of it is to be made again;
 * w->set tells what was set all the same. After so many it is a fault, as where there is no RAM.
 */
bool guest_walk(const struct guest_paging *g, const struct paging_regs *r,
		const struct mmu_fault *access, struct walk *w);

/* One guest entry, read once. frame must be RAM. */
static inline u64 gpte_read(u64 gfn, enum gpte_format format, u32 index)
{
	const void *table = phys_ptr(gfn << PAGE_SHIFT);

	if (format == GPTE_32)
		return ((const volatile u32 *)table)[index];
	return ((const volatile u64 *)table)[index];
}

#endif
