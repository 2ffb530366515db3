/* SPDX-License-Identifier: MIT */
/*
 * The CPU that runs on the shadow tables, with a TLB and paging-structure caches that keep an entry
 * for as long as they may, or drop it at any moment, as the choices go.
 */
#ifndef TESTS_HOST_TLB_MODEL_H
#define TESTS_HOST_TLB_MODEL_H

#include "tests/host/ref_walk.h"
#include "tests/host/rnd.h"

#define HW_LEAVES 64
#define HW_UPPERS 64

/* A cached translation, or the walk as far as it has come: for addresses [start, start + size). */
struct hw_entry {
	u64 start, size;
	struct ref_path path;
	bool valid;
};

struct hw {
	struct ref_cpu cpu; /* the registers that the hardware runs with */
	struct hw_entry leaf[HW_LEAVES], upper[HW_UPPERS];
	/*
	 * A fault drops what is cached for its address: SDM vol. 3A 4.10.4.1, APM vol. 2 5.5.3. Both say it
	 * of the access that faults, not of the delivery, so of one that exits too: mm/shadow/fault.c builds on
	 * it. faults_keep: a CPU that breaks this promise where a fault exits. Its guest may see for
	 * longer what it changed without a flush, and nothing else may go wrong.
	 */
	bool faults_keep;
	/* The PDPTEs stay what they were until CR3 is loaded again: SVM, while the clean bit says so. */
	bool pdptes_keep, pdptes_loaded;
	u64 pool_start, pool_end; /* where shadow tables may be */
	const char *error;        /* not NULL: it met something that must not be */
};

/*
 * Read the registers for an entry: the root, and in PAE mode the PDPTEs behind it. reload: CR3 is
 * loaded though the root is the same.
 */
void hw_load_root(struct hw *hw, u64 root, bool reload);

/* INVVPID of everything; of one address (and nothing more than that); INVLPG by the guest itself. */
void hw_flush_all(struct hw *hw);
void hw_flush_gva(struct hw *hw, u64 gva);
void hw_invlpg(struct hw *hw, u64 gva);

/* Drop a few entries. */
void hw_evict(struct hw *hw, struct rnd *r);

/*
 * Translate an access, setting A and D in the shadow tables. Returns true and the physical address
 * and memory type in *leaf, or false and *pfec: hw_fault() is to follow.
 */
bool hw_access(struct hw *hw, const struct ref_access *a, struct rnd *r, struct ref_path *leaf,
	       u32 *pfec);

/* The fault of an access exits, or goes to the guest. */
void hw_fault(struct hw *hw, u64 gva, bool exits);

/* Walk without an access, as a processor may at any time, and cache what is found. */
void hw_speculate(struct hw *hw, u64 gva, struct rnd *r);

#endif
