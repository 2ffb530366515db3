/* SPDX-License-Identifier: MIT */
/* The audit of invariant 23: a way that is remembered is the way down from the root. */
#include "mm/shadow/audit.h"
#include "mm/shadow/memo.h"

static void check_way(struct audit *a, const struct mmu_way *w)
{
	const struct mmu *m = a->v->mmu;
	u64 gva = w->where * REGION_SIZE, rights = PTE_W | PTE_U;
	u32 index = a->v->root;

	for (int level = m->shadows[index].role.level; level > 1; level--) {
		slot_t slot = slot_make(index, spt_index(level, gva));
		u64 spte = *spte_at(m, slot);

		if (audit_if(a,
			     w->table[level - 1] != &m->shadows[index] ||
				     !spte_is_link(level, spte),
			     slot, "a way that is remembered does not lead here (invariant 23)"))
			return;
		rights &= spte;
		index = spte_child(m, spte);
	}
	audit_if(a,
		 w->table[0] != &m->shadows[index] || w->first != slot_make(index, 0) ||
			 w->leaves != table_of(m, index) || w->rights != rights,
		 slot_make(index, 0), "a way that is remembered does not end here (invariant 23)");
	audit_if(a,
		 w->frame != frame_of_way(m, &m->shadows[index], gva) ||
			 (w->frame && w->guest != phys_ptr(m->shadows[index].gfn << PAGE_SHIFT)),
		 slot_make(index, 0),
		 "a way that is remembered has another table of the guest's (invariant 23)");
}

/* As far as its own leaf and frame are as they were. */
static void check_write(struct audit *a, const struct mmu_write_way *w)
{
	const struct mmu *m = a->v->mmu;
	struct found leaf = way_to(a->v, w->where * PAGE_SIZE);
	const struct shadow *s = &m->shadows[w->state];

	if (leaf.spte != w->said || w->frame->state != w->state)
		return;
	audit_if(a,
		 &leaf.table[spt_index(1, w->where * PAGE_SIZE)] != w->leaf ||
			 !is_protected(a->v, leaf.spte, leaf.rights, w->pfec) ||
			 w->frame != frame_of(m, spte_gfn(leaf.spte)) ||
			 w->gpa != (leaf.spte & PTE_ADDR),
		 slot_make(w->state, 0),
		 "a write to this table is remembered, and goes elsewhere (invariant 23)");
	audit_if(a, !is_common(s->role) || s->next || !s->parents, slot_make(w->state, 0),
		 "a write to this table is remembered, and it is none like that (invariant 23)");
}

static void check_code(struct audit *a, const struct mmu_code_way *c)
{
	u64 gva = c->where * PAGE_SIZE, hpa;
	struct found leaf = way_to(a->v, gva);

	if (leaf.spte != c->said)
		return;
	audit_if(a,
		 &leaf.table[spt_index(leaf.level, gva)] != c->leaf ||
			 !leaf_at(a->v, &leaf, gva, &hpa) || hpa != c->hpa,
		 0, "a page of code is remembered that is elsewhere (invariant 23)");
}

void audit_memos(struct audit *a)
{
	const struct mmu_memos *memo = &a->v->memo;

	if (!memo_holds(a->v))
		return;
	for (u32 i = 0; i < MMU_WAYS; i++) {
		if (memo->way[i].where != MMU_NOWHERE)
			check_way(a, &memo->way[i]);
	}
	for (u32 i = 0; i < MMU_WRITE_WAYS; i++) {
		if (memo->write[i].where != MMU_NOWHERE)
			check_write(a, &memo->write[i]);
	}
	for (u32 i = 0; i < MMU_CODE_WAYS; i++) {
		if (memo->code[i].where != MMU_NOWHERE)
			check_code(a, &memo->code[i]);
	}
	audit_if(a,
		 memo->own.where != MMU_NOWHERE && memo->own.mirror &&
			 memo->own.mirror->where != memo->own.where,
		 0, "the mirror of the guest's own way is another's (invariant 23)");
}
