/* SPDX-License-Identifier: MIT */
/*
 * The tables of an address space that is new. What a fork has just written for its child is used at once, so the
 * user's part is made when its root is loaded for the first time: of each table that would be made then, one exit
 * is saved, and those of the not-present faults in it.
 */
#include "mm/shadow/lines.h"
#include "mm/shadow/mirror.h"
#include "mm/shadow/settle.h"

/* One load of CR3 makes no more tables, and begins none after so much work; it takes no other table's room. */
#define EAGER_TABLES 16
#define EAGER_WORK   256

struct eager {
	u32 tables; /* that may still be made */
	u32 work;   /* mmu.work at the end, no more than an exit may do */
	u32 root;
	u64 last; /* the guest's root before it: its frame, or NO_GFN */
};

static bool may_go_on(const struct mmu *m, const struct eager *e)
{
	return e->tables && m->nr_free && m->work < e->work;
}

static void make_below(struct mmu_vcpu *v, struct eager *e, u32 index);

/*
 * Make the table that a trap should lead to, where the guest's entry says that users may use it, and is of the plain
 * kind: with CR0.WP=0 none is.
 */
static __attribute__((noinline)) void make_one(struct mmu_vcpu *v, struct eager *e, slot_t slot)
{
	struct mmu *m = v->mmu;
	const struct shadow *s = shadow_at(m, slot);
	u64 gpte = gpte_read(s->gfn, GPTE_64, slot_entry(slot));
	struct spte_want want = plain_link(s->role, gpte);
	u32 child;

	if (!(gpte & PTE_U) || !may_go_on(m, e) || !is_plain_link(s->role, gpte) ||
	    (gpte & s->judged) != (PTE_P | PTE_A) || !frame_of(m, spte_gfn(gpte)))
		return;
	e->tables--;
	child = shadow_get(v, spte_gfn(gpte), want.child);
	if (!may_have_parent(m, child))
		return;
	entry_link(m, slot, child, want.spte, false);
	if (want.child.level > 1)
		make_below(v, e, child);
}

/* Of a root: a line that the last root has as well is the kernel's, or it would not be new. */
static bool is_shared(const struct mmu *m, const struct eager *e, slot_t first)
{
	u64 offset = slot_entry(first) * sizeof(u64);

	return frame_of(m, e->last) &&
	       line_same(phys_ptr(shadow_at(m, first)->gfn << PAGE_SHIFT | offset),
			 phys_ptr(e->last << PAGE_SHIFT | offset));
}

/* Invariant 20: a line that is all zeros leads nowhere. */
static void make_below(struct mmu_vcpu *v, struct eager *e, u32 index)
{
	struct mmu *m = v->mmu;
	const struct shadow *s = &m->shadows[index];
	u64 trap = trap_entry(m, s->role);

	for (u64 lines = s->lines; lines; lines &= lines - 1) {
		slot_t at = slot_make(index, (u32)__builtin_ctzll(lines) * LINE_ENTRIES);

		if (index == e->root && is_shared(m, e, at))
			continue;
		UNROLL_LINE
		for (u32 k = 0; k < LINE_ENTRIES; k++) {
			if (*spte_at(m, at + k) == trap)
				make_one(v, e, at + k);
		}
	}
}

void root_is_new(struct mmu_vcpu *v, u64 last)
{
	struct mmu *m = v->mmu;
	u32 work = m->work + EAGER_WORK;
	struct eager e = {
		.tables = EAGER_TABLES,
		.work = work < m->bounds->work ? work : m->bounds->work,
		.root = v->root,
		.last = last,
	};

	if (v->mode >= PAGING_4LEVEL && frame_of(m, m->shadows[v->root].gfn) &&
	    m->sync != MMU_SYNC_NEVER)
		make_below(v, &e, v->root);
}
