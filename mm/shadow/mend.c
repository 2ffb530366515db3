/* SPDX-License-Identifier: MIT */
/*
 * Leaves that follow the straight way: the guest's tables allow the access, and their last entry has, or is given, the
 * A and D bits that it asks for.
 */
#include "mm/shadow/straight.h"

static RARE void put_leaf(struct mmu *m, struct shadow *s, slot_t slot, u64 spte)
{
	leaf_put(m, s, slot, spte);
}

/* changed: the leaf was not as it is now. Else the CPU still had an older one. */
static ALWAYS_INLINE void count_mended(struct mmu_vcpu *v, u64 gva, bool changed)
{
	if (likely(changed)) {
		count(v->counters, pf_fixed);
	} else {
		count(v->counters, pf_spurious);
		need_flush_gva(v, gva);
	}
}

/* The rest of mend(). old: the leaf before; gpte: the guest's entry, with A and D. */
static __attribute__((noinline)) enum mmu_straight_way
mended(struct mmu_vcpu *v, slot_t slot, u64 gva, bool write, u64 old, u64 gpte)
{
	count_mended(v, gva, (old ^ *spte_at(v->mmu, slot)) & ~(PTE_A | PTE_D));
	if (!write)
		accessed_ahead(v, slot, gpte);
	settle_leaf(v);
	return MMU_STRAIGHT_MENDED;
}

enum mmu_straight_way mend(struct mmu_vcpu *v, u64 gva, u32 pfec, u64 was)
{
	struct mmu *m = v->mmu;
	u64 gpte = was | access_sets(pfec), old, spte;
	struct frame *f = &m->frames[spte_gfn(gpte)];
	bool write = pfec & PFEC_W;
	const struct mmu_way *way;
	slot_t slot;

	/* A page of RAM, that is no table: what may be done about a read of one is rare enough. */
	if (unlikely(spte_gfn(gpte) >= m->nr_frames || f->state ||
		     (m->upper_unsync | m->soft_traps)))
		return MMU_NOT_STRAIGHT;
	way = recall_mirror(v, gva);
	if (unlikely(!way || !way->frame || way_is_unsync(way)))
		return MMU_NOT_STRAIGHT;
	slot = way->first + spt_index(1, gva);
	old = *spte_at(m, slot);
	spte = plain_leaf(gpte) | PTE_A;
	/* Rights that are lost ask for a flush. */
	if (unlikely(old & ~spte & (PTE_W | PTE_U)) ||
	    unlikely(!guest_cmpxchg(own_entry(v, gva), was, gpte, sizeof(gpte))))
		return MMU_NOT_STRAIGHT;
	begin_fault(v);
	touch_way(m, way);
	if (likely(quick_leaf(m, way->table[0], slot, spte, f))) {
		/* Nothing is narrowed that was not. */
		if (likely(write && ((old ^ spte) & ~(PTE_A | PTE_D)))) {
			count(v->counters, pf_fixed);
			return MMU_STRAIGHT_MENDED;
		}
	} else {
		put_leaf(m, way->table[0], slot, spte);
	}
	return mended(v, slot, gva, write, old, gpte);
}

enum mmu_straight_way mend_unsync(struct mmu_vcpu *v, u64 gva, u64 gpte)
{
	struct mmu *m = v->mmu;
	const struct frame *f = &m->frames[spte_gfn(gpte)];
	const struct mmu_way *way;
	struct shadow *s;
	slot_t slot;
	u64 old, spte;
	bool changed;

	if (!m->nr_unsync || (m->upper_unsync | m->soft_traps) || spte_gfn(gpte) >= m->nr_frames ||
	    f->state)
		return MMU_NOT_STRAIGHT;
	way = recall_mirror(v, gva);
	if (!way || !way->frame || !way_is_unsync(way))
		return MMU_NOT_STRAIGHT;
	s = way->table[0];
	slot = way->first + spt_index(1, gva);
	old = *spte_at(m, slot);
	spte = plain_leaf(gpte) | PTE_A;
	/* Rights that are lost ask for a flush. */
	if (spte_is_present(old, m->trap_bits) && (old & ~spte & (PTE_W | PTE_U)))
		return MMU_NOT_STRAIGHT;
	begin_fault(v);
	m->in_operation = true;
	touch_way(m, way);
	copy_forget(s, slot);
	put_leaf(m, s, slot, spte);
	changed = (old ^ *spte_at(m, slot)) & ~(PTE_A | PTE_D);
	unsync_used(v, s->gfn, gva);
	count_mended(v, gva, changed);
	settle(v);
	return MMU_STRAIGHT_MENDED;
}
