/* SPDX-License-Identifier: MIT */
/*
 * The straight ways of page faults: the plainest case of each kind, in few instructions. They decide nothing by
 * themselves: what they find plain is done as fault.c and write.c would.
 */
#include "mm/shadow/memo.h"

/* What is written: the entry that the frame's one shadow, this one, has for it. */
static ALWAYS_INLINE void say_write(u64 page, u32 shadow, u64 gva, struct mmu_straight *out)
{
	u64 offset = gva & (PAGE_SIZE - 1);

	out->gpa = page | offset;
	out->slot = slot_make(shadow, offset / sizeof(u64));
}

/* A write to a page that was found to be such a table, as learn_write() has it, by known code. Changes nothing. */
static ALWAYS_INLINE bool recall_write(const struct mmu_vcpu *v, u64 gva, u32 pfec, u64 rip,
				       struct mmu_straight *out)
{
	const struct mmu_write_way *w = &v->memo.write[gva / PAGE_SIZE % MMU_WRITE_WAYS];
	const struct mmu_code_way *c = &v->memo.code;

	if (w->where != gva / PAGE_SIZE || w->pfec != pfec || *w->leaf != w->said ||
	    w->frame->state != w->state || c->where != rip / PAGE_SIZE || *c->leaf != c->said)
		return false;
	say_write(w->gpa, w->state, gva, out);
	out->code = c->hpa | (rip & (PAGE_SIZE - 1));
	return true;
}

/*
 * A write to the page of this protected leaf is one to a table with one shadow. A table of the common kind is
 * remembered: as long as its frame names that shadow, it has no other, is in sync, and has a parent.
 */
static bool learn_write(struct mmu_vcpu *v, const u64 *leaf, u64 gva, u32 pfec, u64 rip,
			struct mmu_straight *out)
{
	const struct mmu *m = v->mmu;
	u64 spte = *leaf, gfn = spte_gfn(spte);
	const struct shadow *s;
	u32 state;

	if (gfn >= m->nr_frames || m->sync == MMU_SYNC_NEVER)
		return false;
	/* One number and no flag: a frame of RAM with tables, that are in sync. */
	state = m->frames[gfn].state;
	if (state - 1 >= FRAME_TABLES)
		return false;
	s = &m->shadows[state];
	if (s->next || s->role.format == GPTE_32 || !(s->parents | s->pins))
		return false;
	if (is_common(s->role) && s->parents)
		v->memo.write[gva / PAGE_SIZE % MMU_WRITE_WAYS] =
			(struct mmu_write_way){.where = gva / PAGE_SIZE,
					       .leaf = leaf,
					       .said = spte,
					       .frame = &m->frames[gfn],
					       .gpa = spte & PTE_ADDR,
					       .state = state,
					       .pfec = pfec};
	say_write(spte & PTE_ADDR, state, gva, out);
	return recall_code(v, rip, &out->code);
}

/* The guest's own way to a page of 4 KiB: all its tables are in RAM, and all of them but the last accessed. */
struct own_way {
	u64 gpte, leaf; /* the entry, and its address */
	u64 rights;     /* W and U where all on the way have these; NX where one has it */
};

static ALWAYS_INLINE bool walk_own(struct mmu_vcpu *v, u64 gva, struct own_way *w)
{
	const struct mmu_own_way *o = &v->memo.own;

	if (unlikely(!recall_own(v, gva)))
		return false;
	w->leaf = o->table + gpte_index(GPTE_64, 1, gva) * sizeof(w->gpte);
	w->gpte = *(const volatile u64 *)phys_ptr(w->leaf);
	w->rights = rights_below(o->rights, w->gpte);
	return true;
}

/* Whether the access is allowed depends on the rights of the way, and on nothing else. */
static ALWAYS_INLINE bool rights_decide(const struct paging_regs *r, u64 rights, u32 pfec)
{
	if (!(rights & PTE_U))
		return true;
	/* A key; or what the instruction is, and RFLAGS.AC. */
	return !(r->cr4 & CR4_PKE) && ((pfec & PFEC_U) || !(r->cr4 & CR4_SMAP));
}

static ALWAYS_INLINE bool is_denied(const struct paging_regs *r, u64 rights, u32 pfec)
{
	if ((pfec & PFEC_W) && !(rights & PTE_W))
		return true;
	if ((pfec & PFEC_I) &&
	    ((rights & PTE_NX) || (!(pfec & PFEC_U) && (rights & PTE_U) && (r->cr4 & CR4_SMEP))))
		return true;
	return (pfec & PFEC_U) && !(rights & PTE_U);
}

/* The guest's own fault, for its entry of level 1: guest_fault(). present: PFEC_P, or 0 */
static ALWAYS_INLINE enum mmu_straight_way own_fault(struct mmu_vcpu *v, u32 pfec, u32 present,
						     struct mmu_straight *out)
{
	struct mmu *m = v->mmu;

	/* One that is out of sync on the way would follow. */
	if (unlikely(m->nr_unsync))
		return MMU_NOT_STRAIGHT;
	m->work = 0;
	m->clock++;
	m->operations++;
	count(v->counters, pf_taken);
	count(v->counters, pf_guest);
	if (present)
		count(v->counters, pf_guest_protection);
	else
		count(v->counters, pf_guest_notpresent);
	/* Nothing is paid for any other filter by one of a supervisor's. */
	if (v->hw.filter_user || (pfec & PFEC_U)) {
		filter_paid(v, pfec);
		say_hardware(v);
	}
	out->pfec = (pfec & (PFEC_W | PFEC_U | PFEC_I)) | present;
	return MMU_STRAIGHT_OWN;
}

/* shadow_touch() of the four tables on it. */
static ALWAYS_INLINE void touch_way(struct mmu *m, const struct mmu_way *way)
{
	u32 clock = m->clock;

	for (int i = 3; i >= 0; i--) {
		struct shadow *s = way->table[i];

		s->stamp = clock;
		if (unlikely(clock - s->moved >= RECENT_OPS))
			shadow_used(m, (u32)(s - m->shadows));
	}
}

/* One that is not present, where all on the shadow's way says so already: no filter was on. */
static ALWAYS_INLINE enum mmu_straight_way own_notpresent(struct mmu_vcpu *v, u64 gva, u32 pfec,
							  struct mmu_straight *out)
{
	struct mmu *m = v->mmu;
	const struct mmu_way *way;

	if (unlikely(m->soft_traps || m->nr_unsync))
		return MMU_NOT_STRAIGHT;
	way = recall_mirror(v, gva);
	if (unlikely(!way) ||
	    unlikely(!spte_is_notrap(*spte_at(m, way->first + spt_index(1, gva)))))
		return MMU_NOT_STRAIGHT;
	(void)own_fault(v, pfec, 0, out);
	touch_way(m, way);
	return MMU_STRAIGHT_OWN;
}

/* What the access sets in the guest's entry lets it be made, and the leaf follows: install(). */
static __attribute__((noinline)) enum mmu_straight_way mend(struct mmu_vcpu *v, u64 gva, u32 pfec,
						const struct own_way *w)
{
	struct mmu *m = v->mmu;
	bool write = pfec & PFEC_W;
	u64 gpte = w->gpte | PTE_A | (write ? PTE_D : 0), gfn = spte_gfn(gpte), *entry, old, spte;
	u32 state = gfn < m->nr_frames ? m->frames[gfn].state : FRAME_NOT_RAM;
	struct shadow *s;
	slot_t slot;
	const struct mmu_way *way;

	if (unlikely(gpte == w->gpte || (state & (FRAME_NOT_RAM | FRAME_HIDDEN)) ||
		     (write && state) || m->nr_unsync || m->soft_traps))
		return MMU_NOT_STRAIGHT;
	way = recall_mirror(v, gva);
	if (unlikely(!way))
		return MMU_NOT_STRAIGHT;
	s = way->table[0];
	slot = way->first + spt_index(1, gva);
	entry = &way->leaves[spt_index(1, gva)];
	old = *entry;
	spte = plain_leaf(gpte) | PTE_A;
	/* Rights that are lost ask for a flush. */
	if (unlikely(!is_common(s->role) || (old & ~spte & (PTE_W | PTE_U))) ||
	    unlikely(!guest_cmpxchg(w->leaf, w->gpte, gpte, sizeof(gpte))))
		return MMU_NOT_STRAIGHT;
	m->work = 0;
	m->clock++;
	m->operations++;
	count(v->counters, pf_taken);
	touch_way(m, way);
	leaf_put(m, s, slot, spte);
	if (likely((old ^ *entry) & ~(PTE_A | PTE_D))) {
		count(v->counters, pf_fixed);
	} else {
		count(v->counters, pf_spurious);
		need_flush_gva(v, gva);
	}
	if (!write)
		accessed_ahead(v, slot, gpte);
	settle_leaf(v);
	return MMU_STRAIGHT_MENDED;
}

/* By the guest's own tables. */
static ALWAYS_INLINE enum mmu_straight_way look_straight(struct mmu_vcpu *v, u64 gva, u32 pfec,
							 struct mmu_straight *out)
{
	const struct paging_regs *r = &v->regs;
	bool fetch_shown = (r->cr4 & CR4_SMEP) || (r->efer & EFER_NXE);
	struct own_way w;

	if (unlikely((pfec & PFEC_PK) || !((pfec & PFEC_W) || fetch_shown)) ||
	    unlikely(!walk_own(v, gva, &w)))
		return MMU_NOT_STRAIGHT;
	if (!(w.gpte & PTE_P))
		return own_notpresent(v, gva, pfec, out);
	/* PS is PAT here, and decides nothing. */
	if (unlikely((w.gpte & v->memo.own.reserved) || !rights_decide(r, w.rights, pfec)))
		return MMU_NOT_STRAIGHT;
	return is_denied(r, w.rights, pfec) ? own_fault(v, pfec, PFEC_P, out)
					    : mend(v, gva, pfec, &w);
}

/* What is no write to a page that was written last. */
static __attribute__((noinline)) enum mmu_straight_way
other_fault(struct mmu_vcpu *v, u64 gva, u32 pfec, u64 rip, struct mmu_straight *out)
{
	const struct mmu_way *way;
	const u64 *leaf;

	if (unlikely(v->mode != PAGING_4LEVEL || !(v->regs.cr0 & CR0_WP)))
		return MMU_NOT_STRAIGHT;
	memo_begin(v);
	way = is_plain_write(pfec) ? recall_way(v, gva) : NULL;
	leaf = way ? &way->leaves[spt_index(1, gva)] : NULL;
	if (leaf && is_protected(v, *leaf, way->rights, pfec))
		return learn_write(v, leaf, gva, pfec, rip, out) ? MMU_STRAIGHT_WRITE
								 : MMU_NOT_STRAIGHT;
	return look_straight(v, gva, pfec, out);
}

enum mmu_straight_way mmu_fault_straight(struct mmu_vcpu *v, u64 gva, u32 pfec, u64 rip,
					 struct mmu_straight *out)
{
	if (unlikely(is_waiting(v)))
		return MMU_NOT_STRAIGHT;
	if (likely(memo_holds(v)) && recall_write(v, gva, pfec, rip, out))
		return MMU_STRAIGHT_WRITE;
	return other_fault(v, gva, pfec, rip, out);
}
