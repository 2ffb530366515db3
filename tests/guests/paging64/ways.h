/* SPDX-License-Identifier: MIT */
/* Every kind of instruction that can write a table entry. */
#ifndef WAYS_H
#define WAYS_H

#include "arch/types.h"

#define SLOT 200 /* the entry that they write, of a table that begins at a page */

typedef volatile u64 *entry;

struct way {
	const char *name;
	/* Make *p, which says `old`, say `v`; on the way it is never present with something else. */
	void (*write)(entry p, u64 old, u64 v);
};

extern const struct way ways[];
extern const u32 nr_ways;

#endif
