/* SPDX-License-Identifier: MIT */
/* What the files of the audit share; nobody else includes it. */
#ifndef MM_SHADOW_AUDIT_H
#define MM_SHADOW_AUDIT_H

#include "mm/shadow/lives.h"

struct audit {
	struct mmu_vcpu *v;
	u32 violations;
	/*
	 * Frames that a device has written to, where the caller knows of some: their shadows need not say
	 * what they say. All else has to hold.
	 */
	const u64 *foreign; /* gfn */
	u32 nr_foreign;
	/*
	 * Entries that have to be in a list, and those that are in one: each of the latter is checked to
	 * be one of the former, and a list whose nodes know their neighbours has none twice. So equal
	 * numbers say that every list is complete.
	 */
	u64 links, parents; /* links, and the lists of their children's parents */
	u64 leaves, maps;   /* writable leaves, and the reverse maps */
};

/* Check all of it; returns the number of violations. */
u32 audit(struct audit *a);

/* Count an entry, or its table, as wrong if it is, and tell the first few. Returns wrong. */
bool audit_if(struct audit *a, bool wrong, slot_t slot, const char *what);

/* A list of entries is linked both ways, and says how long it is. */
bool audit_list(const struct mmu *m, slot_t head);

/* audit_entry.c: an entry of a live table. */
void audit_entry(struct audit *a, slot_t slot);

/* audit_lists.c: which tables there are, and every list and count that is kept of them. */
void audit_lists(struct audit *a);
void audit_counts(struct audit *a, u32 index);

/* audit_frames.c: what is kept of page frames and regions. */
void audit_frames(struct audit *a);

#endif
