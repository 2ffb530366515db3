/* SPDX-License-Identifier: MIT */
/* Entries of one table are changed one by one, each change followed by INVLPG: what that costs. */
#ifndef TESTS_GUESTS_LARGE_FLOOD_H
#define TESTS_GUESTS_LARGE_FLOOD_H

#include "guest/builtin/lib/insn.h"

enum flood_kind { FLOOD_PROTECT, FLOOD_MOVE, FLOOD_CLEAR, FLOOD_KINDS };

/* n entries of a table that is new: they map `frames` pages, over and over. */
struct flood {
	const char *name; /* of the pages' size */
	u32 n, frames;
	u32 entry;    /* bytes; the upper half of a long one stays zero in a 32-bit kernel */
	reg size, ps; /* bytes; PTE_PS, or 0 */
	reg inside;   /* where in a page is RAM */
	u64 base;     /* of the first page */
};

/*
 * Map, touch and change them, in the way that `kind` says, and check what they map then: once, and once
 * more, which is called again-. Prints
 * "bench: <size>-<kind>-<n> ops= ticks= exits= faults=".
 */
void flood(const struct flood *f, enum flood_kind kind, reg table, reg va);

#endif
