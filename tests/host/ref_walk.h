/* SPDX-License-Identifier: MIT */
/*
 * The architecture's page walk, plainly: SDM vol. 3A chapter 4. It shares nothing with mm/.
 *
 * A walk is a path that takes one entry at a time, so that the caller says which value an entry
 * has: what memory holds now, or what a processor may still have cached.
 */
#ifndef TESTS_HOST_REF_WALK_H
#define TESTS_HOST_REF_WALK_H

#include "arch/types.h"

enum ref_mode { REF_OFF, REF_32, REF_PAE, REF_4LEVEL, REF_5LEVEL };

/* A processor: its features, and its registers as far as paging sees them. */
struct ref_cpu {
	u8 maxphyaddr; /* bits */
	bool nx, pages_1g, pse36, amd;
	bool supervisor_keys; /* an emulator's error: keys hold for supervisor pages too */

	enum ref_mode mode;
	u64 cr3, pdpte[4];
	bool wp, pse, smep, smap, pke, nxe;
};

struct ref_access {
	u64 gva;
	bool write, fetch, user;
	bool ac; /* RFLAGS.AC, for an explicit supervisor access */
	u32 pkru;
};

/* Where a walk has come to. */
struct ref_path {
	int level;   /* of the entry that is read next */
	u64 table;   /* physical address of its table */
	bool w, u;   /* every entry so far has R/W, U/S */
	bool nx;     /* some entry so far has XD */
	bool global; /* of the leaf, as the fields below */
	bool dirty;
	u64 addr; /* physical address of the byte */
	u64 size; /* of the page */
	u8 key;
	u8 memtype; /* PAT, PCD, PWT: the index into the PAT */
};

enum ref_kind { REF_TABLE, REF_LEAF, REF_NOT_PRESENT, REF_RESERVED };

/* Error code bits: SDM vol. 3A 4.7. */
enum ref_pfec {
	REF_PF_P = 1,
	REF_PF_W = 2,
	REF_PF_U = 4,
	REF_PF_RSVD = 8,
	REF_PF_I = 16,
	REF_PF_PK = 32,
};

/* Take over CR0, CR3, CR4, EFER; the PDPTEs are loaded apart. */
void ref_set_regs(struct ref_cpu *cpu, u64 cr0, u64 cr3, u64 cr4, u64 efer);

/* True when a MOV to CR3 that reads this PDPTE raises #GP: 4.4.1. */
bool ref_pdpte_bad(const struct ref_cpu *cpu, u64 pdpte);

/* True for a linear address of the mode: 64-bit ones are canonical, others below 4 GiB. */
bool ref_canonical(const struct ref_cpu *cpu, u64 gva);

/*
 * Begin a walk. REF_TABLE: go on with ref_next(). REF_NOT_PRESENT: a PDPTE register says so.
 * REF_LEAF: paging is off.
 */
enum ref_kind ref_start(const struct ref_cpu *cpu, u64 gva, struct ref_path *path);

/* Physical address and size in bytes of the entry that the walk reads next. */
u64 ref_entry_addr(const struct ref_cpu *cpu, const struct ref_path *path, u64 gva);
u32 ref_entry_size(const struct ref_cpu *cpu);

/* Take the value of that entry. */
enum ref_kind ref_next(const struct ref_cpu *cpu, struct ref_path *path, u64 gva, u64 entry);

/* The error code of an access whose walk ended so; P is clear for REF_NOT_PRESENT. */
u32 ref_walk_pfec(const struct ref_cpu *cpu, const struct ref_access *a, enum ref_kind kind);

/* 4.6: true when the leaf's rights allow the access; if not, *pfec is the error code. */
bool ref_permits(const struct ref_cpu *cpu, const struct ref_access *a, const struct ref_path *leaf,
		 u32 *pfec);

#endif
