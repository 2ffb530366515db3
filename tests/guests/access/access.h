/* SPDX-License-Identifier: MIT */
/* The access test: every combination of entry bits, modes and accesses, in one paging format. */
#ifndef ACCESS_H
#define ACCESS_H

#include "guest/builtin/lib/probe.h"

/* What a paging format has. */
struct format {
	const char *name;
	bool has_nx, has_pse;   /* EFER.NXE and CR4.PSE are worth trying both ways */
	bool has_pk;            /* protection keys, asked for on the command line */
	u64 rsvd_pte, rsvd_pde; /* a bit that is reserved; 0: there is none */
	u64 rsvd_large;         /* in a PDE with PS set */
	reg va;                 /* a page and a large page to play with */
	void *pde, *pte;        /* its entries */
	u64 frame, frame_large; /* what they map; both begin with PROBE_FETCH_CODE */
	u64 table;              /* the page table's address */
	u64 (*get)(void *entry);
	void (*set)(void *entry, u64 value);
};

/* The registers' part of a combination. */
struct mode {
	bool wp, smep, smap, ac, nxe, pse;
	u32 pkru; /* bits of the page's key: 1 access-disable, 2 write-disable; 4: CR4.PKE off */
};

/* What the architecture says of one access. */
struct answer {
	u32 error;   /* of the #PF; NO_FAULT */
	bool large;  /* the PDE is the leaf */
	u64 set_pde; /* bits that the access sets, without a fault */
	u64 set_pte;
};

/* SDM vol. 3A 4.6 to 4.8, for one page whose upper entries grant everything. */
struct answer architecture(const struct format *f, const struct mode *m, u64 pde, u64 pte,
			   enum access access, bool user);

/*
 * Try every stride-th combination, starting at `first`; each access is made twice. Prints one
 * line with counts and a hash of all outcomes.
 */
void sweep(const struct format *f, u32 stride, u32 first);

#define KEY 1 /* the protection key in every leaf */

#endif
