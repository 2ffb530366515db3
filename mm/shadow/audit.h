/* SPDX-License-Identifier: MIT */
/* What the files of the audit share; nobody else includes it. */
#ifndef MM_SHADOW_AUDIT_H
#define MM_SHADOW_AUDIT_H

#include "mm/shadow/lives.h"

struct audit {
	struct mmu_vcpu *v;
	u32 violations;
	/* Frames (gfn) that a device has written to, as the caller knows: their shadows may say anything. */
	const u64 *foreign;
	u32 nr_foreign;
	/*
	 * Entries that have to be in a list, and those that are in one: each of these is checked to be right,
	 * and none is in a list twice. So equal numbers say that every list is complete.
	 */
	u64 links, parents;  /* links, and the lists of their children's parents */
	u64 leaves, maps;    /* listed leaves, and what the reverse maps have */
	u32 waiting, queued; /* tables that have to tell their parents, and the queues: reach.c */
};

/* All of it. Returns a->violations. */
u32 audit(struct audit *a);

/* Count an entry, or its table, as wrong, and tell the first few. */
void audit_tell(struct audit *a, slot_t slot, const char *what);

/* The same if it is wrong. Returns wrong. In line: an audit asks some ten times of each entry. */
static ALWAYS_INLINE bool audit_if(struct audit *a, bool wrong, slot_t slot, const char *what)
{
	if (unlikely(wrong))
		audit_tell(a, slot, what);
	return wrong;
}

/* A list of entries is linked both ways, and says how long it is. */
bool audit_list(const struct mmu *m, slot_t head);

void audit_entries(struct audit *a, u32 index); /* of one table: each against what is mirrored */
void audit_mirror(struct audit *a, slot_t slot, u64 spte, u64 gpte); /* against the guest's entry */

/* A leaf maps the frames from gfn on, or the hole page in place of a hidden one. */
bool audit_maps_frame(const struct mmu *m, union role role, u64 spte, u64 gfn);

/* What a leaf says of memory types, keys and the like: all but its address, rights, A and D. */
u64 audit_attributes(int level, u64 spte);

void audit_lists(struct audit *a);
void audit_counts(struct audit *a, u32 index); /* of one table: parents, pins, reach */
void audit_frames(struct audit *a);
void audit_memos(struct audit *a); /* what this virtual CPU remembers */

#endif
