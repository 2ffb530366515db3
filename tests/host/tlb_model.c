/* SPDX-License-Identifier: MIT */
/* The CPU on the shadow tables, and its caches; see tlb_model.h. */
#include "tests/host/tlb_model.h"
#include "mm/phys/phys.h"

#define FLAG_A 32
#define FLAG_D 64

void hw_load_root(struct hw *hw, u64 root, bool reload)
{
	if (hw->pdptes_keep && hw->pdptes_loaded && root == hw->cpu.cr3 && !reload)
		return;
	hw->cpu.cr3 = root;
	hw->pdptes_loaded = hw->cpu.mode == REF_PAE;
	if (root < hw->pool_start || root + 32 > hw->pool_end)
		hw->error = "the root is outside the pool";
	else if (hw->cpu.mode != REF_PAE && root & 4095)
		hw->error = "the root is not aligned";
	if (hw->error || hw->cpu.mode != REF_PAE)
		return;
	if (root >> 32 || root & 31)
		hw->error = "a PAE root does not fit CR3";
	for (int i = 0; i < 4; i++) {
		hw->cpu.pdpte[i] = ((u64 *)phys_ptr(root))[i];
		if (ref_pdpte_bad(&hw->cpu, hw->cpu.pdpte[i]))
			hw->error = "a PDPTE has reserved bits set: VM entry would fail";
	}
}

static bool covers(const struct hw_entry *e, u64 gva)
{
	return e->valid && gva - e->start < e->size;
}

static void drop(struct hw_entry *e, int nr, u64 gva)
{
	for (int i = 0; i < nr; i++)
		if (covers(&e[i], gva))
			e[i].valid = false;
}

static void drop_all(struct hw_entry *e, int nr)
{
	for (int i = 0; i < nr; i++)
		e[i].valid = false;
}

void hw_flush_all(struct hw *hw)
{
	drop_all(hw->leaf, HW_LEAVES);
	drop_all(hw->upper, HW_UPPERS);
}

void hw_flush_gva(struct hw *hw, u64 gva)
{
	drop(hw->leaf, HW_LEAVES, gva);
	drop(hw->upper, HW_UPPERS, gva);
}

void hw_invlpg(struct hw *hw, u64 gva)
{
	drop(hw->leaf, HW_LEAVES, gva);
	drop_all(hw->upper, HW_UPPERS);
}

void hw_evict(struct hw *hw, struct rnd *r)
{
	for (int i = rnd(r, 8); i > 0; i--) {
		hw->leaf[rnd(r, HW_LEAVES)].valid = false;
		hw->upper[rnd(r, HW_UPPERS)].valid = false;
	}
}

static void keep(struct hw_entry *e, int nr, u64 gva, u64 size, const struct ref_path *path,
		 struct rnd *r)
{
	int at = rnd(r, nr);

	for (int i = 0; i < nr; i++)
		if (!e[i].valid)
			at = i;
	e[at] = (struct hw_entry){gva & ~(size - 1), size, *path, true};
}

/* Any of the entries for the address, or NULL. */
static struct hw_entry *pick(struct hw_entry *e, int nr, u64 gva, struct rnd *r)
{
	struct hw_entry *found = NULL;

	for (int i = 0; i < nr; i++)
		if (covers(&e[i], gva) && (!found || one_in(r, 2)))
			found = &e[i];
	return found;
}

/*
 * Many CPUs of Intel raise a machine check that nobody can go on after where code is fetched that they keep in two
 * sizes: INTEL-SA-00210. The guest owes no flush for that to happen.
 */
static void keep_leaf(struct hw *hw, u64 gva, const struct ref_path *path, struct rnd *r)
{
	for (int i = 0; i < HW_LEAVES && !path->nx; i++) {
		const struct hw_entry *e = &hw->leaf[i];

		if (covers(e, gva) && !e->path.nx && e->size != path->size)
			hw->error = "code is kept in two sizes";
	}
	keep(hw->leaf, HW_LEAVES, gva, path->size, path, r);
}

static u64 *entry_ptr(struct hw *hw, const struct ref_path *path, u64 gva)
{
	u64 hpa = ref_entry_addr(&hw->cpu, path, gva);

	if (hpa < hw->pool_start || hpa + 8 > hw->pool_end) {
		hw->error = "a shadow entry names a table outside the pool";
		return NULL;
	}
	return phys_ptr(hpa);
}

/* *ptr is the entry that ended the walk, or NULL. */
static enum ref_kind walk(struct hw *hw, u64 gva, struct rnd *r, struct ref_path *path, u64 **ptr)
{
	struct hw_entry *cached = one_in(r, 4) ? NULL : pick(hw->upper, HW_UPPERS, gva, r);
	enum ref_kind kind = REF_TABLE;

	*ptr = NULL;
	if (cached)
		*path = cached->path;
	else
		kind = ref_start(&hw->cpu, gva, path);
	while (kind == REF_TABLE) {
		int level = path->level;

		*ptr = entry_ptr(hw, path, gva);
		if (!*ptr)
			return REF_NOT_PRESENT;
		kind = ref_next(&hw->cpu, path, gva, **ptr);
		if (kind != REF_TABLE)
			break;
		**ptr |= FLAG_A;
		keep(hw->upper, HW_UPPERS, gva, 4096ULL << 9 * (level - 1), path, r);
	}
	return kind;
}

void hw_fault(struct hw *hw, u64 gva, bool exits)
{
	if (!exits || !hw->faults_keep)
		hw_flush_gva(hw, gva);
}

bool hw_access(struct hw *hw, const struct ref_access *a, struct rnd *r, struct ref_path *leaf,
	       u32 *pfec)
{
	struct hw_entry *cached = one_in(r, 4) ? NULL : pick(hw->leaf, HW_LEAVES, a->gva, r);
	enum ref_kind kind;
	u64 *ptr;

	/* A write through an entry whose D flag is clear walks again to set it; or it faults first. */
	if (cached && (!a->write || cached->path.dirty ||
		       (!ref_permits(&hw->cpu, a, &cached->path, pfec) && one_in(r, 2)))) {
		*leaf = cached->path;
		leaf->addr = (leaf->addr & ~(leaf->size - 1)) | (a->gva & (leaf->size - 1));
		return ref_permits(&hw->cpu, a, leaf, pfec);
	}
	kind = walk(hw, a->gva, r, leaf, &ptr);
	if (kind != REF_LEAF)
		*pfec = ref_walk_pfec(&hw->cpu, a, kind);
	if (kind != REF_LEAF || !ref_permits(&hw->cpu, a, leaf, pfec))
		return false;
	if (ptr)
		*ptr |= FLAG_A | (a->write ? FLAG_D : 0);
	leaf->dirty |= a->write;
	keep_leaf(hw, a->gva, leaf, r);
	return true;
}

void hw_speculate(struct hw *hw, u64 gva, struct rnd *r)
{
	struct ref_path path;
	u64 *ptr;

	/* The hardware's paging is never off, so some entry ended the walk. */
	if (walk(hw, gva, r, &path, &ptr) != REF_LEAF || !ptr)
		return;
	*ptr |= FLAG_A;
	keep_leaf(hw, gva, &path, r);
}
