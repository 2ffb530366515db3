/* SPDX-License-Identifier: MIT */
/* What the files of the audit share; nobody else includes it. */
#ifndef MM_AUDIT_H
#define MM_AUDIT_H

#include "mm/mmu_internal.h"

struct audit {
	struct mmu_vcpu *v;
	u32 violations;
};

/* Entry i of a table is wrong, or the table itself; the first few are told. */
void audit_bad(struct audit *a, u32 index, u32 i, const char *what);

/* Whether a list of entries has this one. */
bool audit_has(const struct mmu *m, slot_t head, slot_t slot);

/* A list of entries is linked both ways, and says how long it is. */
bool audit_list(const struct mmu *m, slot_t head);

/* audit_entry.c: entry i of a live table. */
void audit_entry(struct audit *a, u32 index, u32 i);

/* audit_lists.c: which tables there are, and every list and count that is kept of them. */
void audit_lists(struct audit *a);
void audit_counts(struct audit *a, u32 index);

/* audit_frames.c: what is kept of page frames and regions. */
void audit_frames(struct audit *a);

#endif
