/* SPDX-License-Identifier: MIT */
/* How ways are found that are remembered then. */
#include "mm/shadow/memo.h"

/* All that is remembered is of another root, or from before some link went. */
void memo_renew(struct mmu_vcpu *v)
{
	struct mmu_memos *memo = &v->memo;

	memo->ways = v->mmu->ways;
	memo->root = v->root;
	for (u32 i = 0; i < MMU_WAYS; i++)
		memo->way[i].where = MMU_NOWHERE;
	for (u32 i = 0; i < MMU_WRITE_WAYS; i++)
		memo->write[i].where = MMU_NOWHERE;
	for (u32 i = 0; i < MMU_CODE_WAYS; i++)
		memo->code[i].where = MMU_NOWHERE;
	memo->own.where = MMU_NOWHERE;
}

const struct mmu_way *learn_way(struct mmu_vcpu *v, u64 gva)
{
	const struct mmu *m = v->mmu;
	struct mmu_way *w = way_at(v, gva);
	u32 index = v->root;
	u64 rights = PTE_W | PTE_U;

	/* It may be the mirror of the guest's own. */
	v->memo.own.mirror = NULL;
	w->where = MMU_NOWHERE;
	w->table[4] = NULL;
	for (int level = m->shadows[index].role.level; level > 1; level--) {
		u64 spte = *spte_at(m, slot_make(index, spt_index(level, gva)));

		w->table[level - 1] = &m->shadows[index];
		if (!spte_is_link(level, spte))
			return NULL;
		rights &= spte;
		index = spte_child(m, spte);
	}
	w->table[0] = &m->shadows[index];
	w->first = slot_make(index, 0);
	w->leaves = table_of(m, index);
	w->rights = (u32)rights;
	w->frame = frame_of_way(m, w->table[0], gva);
	w->guest = w->frame ? phys_ptr(w->table[0]->gfn << PAGE_SHIFT) : NULL;
	w->where = gva / REGION_SIZE;
	return w;
}

bool learn_code(struct mmu_vcpu *v, u64 gva, u64 *hpa)
{
	struct mmu_code_way *c = &v->memo.code[gva / PAGE_SIZE % MMU_CODE_WAYS];
	struct found leaf = way_to(v, gva);

	if (!leaf_at(v, &leaf, gva, hpa))
		return false;
	c->leaf = &leaf.table[spt_index(leaf.level, gva)];
	c->said = leaf.spte;
	c->hpa = *hpa & PTE_ADDR;
	c->where = gva / PAGE_SIZE;
	return true;
}

bool learn_own(struct mmu_vcpu *v, u64 gva)
{
	const struct guest_paging *g = v->mmu->guest;
	const struct paging_regs *r = &v->regs;
	const u64(*bad)[2] = g->reserved[gpte_kind(GPTE_64, r->efer & EFER_NXE, r->cr4 & CR4_PSE)];
	struct mmu_own_way *o = &v->memo.own;
	u64 table = r->cr3 & PTE_ADDR, rights = PTE_W | PTE_U;
	int levels = v->mmu->shadows[v->root].role.level;

	o->where = MMU_NOWHERE;
	o->mirror = NULL;
	for (int level = levels; level > 1; level--) {
		const volatile u64 *at;
		u64 gpte, want = PTE_P | PTE_A;

		if (!guest_is_ram(g, table))
			return false;
		at = (u64 *)phys_ptr(table) + gpte_index(GPTE_64, level, gva);
		gpte = *at;
		if ((gpte & (want | PTE_PS | bad[level][0])) != want)
			return false;
		o->at[level - 2] = at;
		o->said[level - 2] = gpte;
		rights = rights_below(rights, gpte);
		table = gpte & PTE_ADDR;
	}
	if (!guest_is_ram(g, table))
		return false;
	if (levels == 4) {
		o->at[3] = o->at[2];
		o->said[3] = o->said[2];
	}
	o->rights = rights;
	o->table = table;
	o->reserved = bad[1][0];
	o->where = gva / REGION_SIZE;
	return true;
}

/* By links that ask for what the guest's entries do, while nothing is out of sync. */
bool learn_mirror(struct mmu_vcpu *v, u64 gva)
{
	const struct mmu *m = v->mmu;
	const struct mmu_way *w = recall_way(v, gva);

	if (!w)
		return false;
	for (int level = m->shadows[v->root].role.level; level > 1; level--) {
		u32 index = (u32)(w->table[level - 1] - m->shadows);
		u64 spte = *spte_at(m, slot_make(index, spt_index(level, gva)));
		u64 gpte = v->memo.own.said[level - 2];

		if (((spte ^ gpte) & PTE_RIGHTS) || w->table[level - 2]->gfn != spte_gfn(gpte))
			return false;
	}
	v->memo.own.mirror = w;
	return true;
}
