/* SPDX-License-Identifier: MIT */
/*
 * What a bare processor may do with the guest's tables: not one TLB, but every TLB that SDM vol. 3A
 * 4.10 allows. It keeps the values that each entry had since the last flush of everything, and the
 * flushes of single addresses since then, and looks for a walk that explains what was seen.
 *
 * Stricter than the manual in two points: a MOV to CR3 flushes global pages too, and an entry that
 * never had its A flag is never in a cache (the processor would have set the flag).
 */
#ifndef TESTS_HOST_GUEST_TLB_H
#define TESTS_HOST_GUEST_TLB_H

#include "tests/host/ref_walk.h"

#define GT_CELLS    4096
#define GT_VERSIONS 24
#define GT_EVENTS   128

struct gt_cell {
	u64 gpa; /* of 8 aligned bytes, plus 1; 0: free */
	u32 nr;
	struct {
		u64 since, value;
	} version[GT_VERSIONS]; /* the last one is what memory holds */
};

struct guest_tlb {
	u64 now; /* counts events */
	u64 flushed;
	u32 nr_cells;
	u16 used[GT_CELLS / 2];
	struct gt_cell cell[GT_CELLS];
	u32 nr_events;
	struct gt_event {
		u64 time, gva;
		bool all_upper; /* INVLPG: drops the paging-structure caches; else a page fault */
	} event[GT_EVENTS];
};

/* Forget everything: MOV to CR3 and the like. */
void gt_flush_all(struct guest_tlb *t);

/* True when it cannot remember much more: the guest should flush. */
bool gt_full(const struct guest_tlb *t);

/* INVLPG, or the delivery of a page fault, at this address. */
void gt_invlpg(struct guest_tlb *t, u64 gva);
void gt_fault(struct guest_tlb *t, u64 gva);

/* Eight aligned bytes of memory changed. */
void gt_changed(struct guest_tlb *t, u64 gpa, u64 old, u64 now);

/* True when the access, A and D flags set already, may reach a byte that `match` accepts. */
typedef bool (*gt_match_fn)(void *ctx, u64 gpa, u8 memtype);
bool gt_allows(struct guest_tlb *t, const struct ref_cpu *cpu, const struct ref_access *a,
	       gt_match_fn match, void *ctx);

/* True when the access may raise #PF with this error code. */
bool gt_allows_fault(struct guest_tlb *t, const struct ref_cpu *cpu, const struct ref_access *a,
		     u32 pfec);

/* True when the access may set the A flag (D flag) of the entry at this physical address. */
bool gt_may_set(struct guest_tlb *t, const struct ref_cpu *cpu, const struct ref_access *a, u64 gpa,
		bool dirty);

#endif
