/* SPDX-License-Identifier: MIT */
/*
 * The straight ways of page faults: the plainest case of each kind, in few instructions. They decide nothing by
 * themselves: what they find plain is done as fault.c and write.c would.
 */
#include "mm/shadow/straight.h"

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
	const struct mmu_code_way *c;

	if (w->where != gva / PAGE_SIZE || w->pfec != pfec || *w->leaf != w->said ||
	    w->frame->state != w->state)
		return false;
	c = &v->memo.code[rip / PAGE_SIZE % MMU_CODE_WAYS];
	if (c->where != rip / PAGE_SIZE || *c->leaf != c->said)
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

/* PKRU allows all that a page with this key may be used for, as it is with the key that Linux gives to all pages. */
static __attribute__((noinline)) bool key_is_open(const struct mmu *m, u64 gpte)
{
	return !(m->read_pkru() >> 2 * ((gpte & PTE_PK) >> PTE_PK_SHIFT) & 3);
}

static ALWAYS_INLINE bool is_denied_write(u64 rights, u32 pfec)
{
	return (pfec & PFEC_W) && !(rights & PTE_W);
}

/*
 * Whether the access is allowed depends on the rights of the way, and on nothing else. gpte: of level 1. keys: CR4.PKE
 * may be set.
 */
static ALWAYS_INLINE bool rights_decide(const struct mmu_vcpu *v, u64 rights, u64 gpte, u32 pfec,
					bool keys)
{
	u64 cr4 = v->regs.cr4;

	if (!(rights & PTE_U))
		return true;
	/* What the instruction is, and RFLAGS.AC; but for a write where nobody may: SMAP has no bit in the error code. */
	if (!(pfec & PFEC_U) && (cr4 & CR4_SMAP) && !is_denied_write(rights, pfec))
		return false;
	return !keys || !(cr4 & CR4_PKE) || key_is_open(v->mmu, gpte);
}

static ALWAYS_INLINE bool is_denied(const struct paging_regs *r, u64 rights, u32 pfec)
{
	if (is_denied_write(rights, pfec))
		return true;
	if ((pfec & PFEC_I) &&
	    ((rights & PTE_NX) || (!(pfec & PFEC_U) && (rights & PTE_U) && (r->cr4 & CR4_SMEP))))
		return true;
	return (pfec & PFEC_U) && !(rights & PTE_U);
}

/* It may have been paid for the filter. */
static __attribute__((noinline)) enum mmu_straight_way own_paid(struct mmu_vcpu *v, u32 pfec)
{
	filter_paid(v, pfec);
	say_hardware(v);
	return MMU_STRAIGHT_OWN;
}

/* The guest's own fault, for its entry of level 1: guest_fault(). present: PFEC_P, or 0 */
static ALWAYS_INLINE enum mmu_straight_way own_fault(struct mmu_vcpu *v, u32 pfec, u32 present,
						     struct mmu_straight *out)
{
	struct counters *c = v->counters;

	begin_fault(v);
	count(c, pf_guest);
	if (present)
		count(c, pf_guest_protection);
	else
		count(c, pf_guest_notpresent);
	out->pfec = (pfec & (PFEC_W | PFEC_U | PFEC_I)) | present;
	/* By one of a supervisor's under the other filter nothing is paid. */
	return v->hw.filter_user || (pfec & PFEC_U) ? own_paid(v, pfec) : MMU_STRAIGHT_OWN;
}

/* What is left of one, after own_fault(): in a table out of sync its entry follows, and the table may come back. */
static void own_followed(struct mmu_vcpu *v, const struct mmu_way *way, u64 gva, u32 present)
{
	struct shadow *s = way->table[0];

	v->mmu->in_operation = true;
	if (way_is_unsync(way)) {
		if (entry_sync(v, way->first + spt_index(1, gva)))
			flood_followed(s);
		unsync_faulted(v, s->gfn, present);
	} else {
		unsync_hinders(v);
	}
	settle(v);
}

/*
 * The guest's own fault, where its table's shadow has to be found: one that is not present, which exits where no filter
 * is on, or in a table out of sync; and any while some table of level 1 is out of sync. present: PFEC_P, or 0.
 */
static __attribute__((noinline)) enum mmu_straight_way
own_mirrored(struct mmu_vcpu *v, u64 gva, u32 pfec, u32 present, struct mmu_straight *out)
{
	struct mmu *m = v->mmu;
	const struct mmu_way *way;

	if (m->soft_traps | m->upper_unsync)
		return MMU_NOT_STRAIGHT;
	way = recall_mirror(v, gva);
	if (!way || !way->frame)
		return MMU_NOT_STRAIGHT;
	/* By a page that a table out of sync still has, and the guest's no more, a write may have met a table. */
	if (!present && (way_is_unsync(way) ? (pfec & (PFEC_P | PFEC_RSVD)) == PFEC_P
					    : !spte_is_notrap(way->leaves[spt_index(1, gva)])))
		return MMU_NOT_STRAIGHT;
	(void)own_fault(v, pfec, present, out);
	if (!present)
		touch_way(m, way);
	if (way_is_unsync(way) || (present && (pfec & PFEC_U)))
		own_followed(v, way, gva, present);
	return MMU_STRAIGHT_OWN;
}

static RARE enum mmu_straight_way learn_fault(struct mmu_vcpu *v, u64 gva, u32 pfec, u64 rip,
					      struct mmu_straight *out);

/*
 * By the guest's own tables, of which v->memo.own has the upper ones: a page of 4 KiB. learnt: what is left is no
 * write to a table. keys: see rights_decide().
 */
static ALWAYS_INLINE enum mmu_straight_way by_own_tables(struct mmu_vcpu *v, u64 gva, u32 pfec,
							 u64 rip, struct mmu_straight *out,
							 bool learnt, bool keys)
{
	const struct paging_regs *r = &v->regs;
	const struct mmu_own_way *o = &v->memo.own;
	u64 gpte = *(const volatile u64 *)phys_ptr(own_entry(v, gva));
	u64 rights = rights_below(o->rights, gpte), set = access_sets(pfec);
	bool denied;

	if (unlikely(!(gpte & PTE_P)))
		return own_mirrored(v, gva, pfec, 0, out);
	/* PS is PAT here, and decides nothing. */
	if (unlikely((gpte & o->reserved) || !rights_decide(v, rights, gpte, pfec, keys)))
		return MMU_NOT_STRAIGHT;
	denied = is_denied(r, rights, pfec);
	if (likely(denied && !v->mmu->nr_unsync))
		return own_fault(v, pfec, PFEC_P, out);
	if (likely(!denied && (gpte & set) != set))
		return mend(v, gva, pfec, gpte);
	/* It may have met a table. */
	if (!learnt && (pfec & PFEC_W))
		return learn_fault(v, gva, pfec, rip, out);
	return denied ? own_mirrored(v, gva, pfec, PFEC_P, out) : mend_unsync(v, gva, gpte);
}

/* The error code tells what the access was: a fetch shows, and no key has forbidden it. */
static ALWAYS_INLINE bool access_shown(const struct paging_regs *r, u32 pfec)
{
	return !(pfec & PFEC_PK) &&
	       ((pfec & PFEC_W) || (r->cr4 & CR4_SMEP) || (r->efer & EFER_NXE));
}

static ALWAYS_INLINE bool leads_to_protected(const struct mmu_vcpu *v, const struct mmu_way *way,
					     u64 gva, u32 pfec)
{
	return is_protected(v, way->leaves[spt_index(1, gva)], way->rights, pfec);
}

/*
 * A write to a page that was a table, and that nobody uses as one any more: its one shadow is dropped. The page is part
 * of a large one, so that the leaf is writable by that: untrack(). False, with nothing done, where that is not so.
 */
static __attribute__((noinline)) bool drop_unused(struct mmu_vcpu *v, const struct mmu_way *way,
						  u64 gva)
{
	struct mmu *m = v->mmu;
	u64 gfn = spte_gfn(way->leaves[spt_index(1, gva)]);
	u32 state = gfn < m->nr_frames ? m->frames[gfn].state : 0;

	if (state - 1 >= FRAME_TABLES || m->shadows[state].next || shadow_in_use(m, state) ||
	    !way->table[0]->role.direct)
		return false;
	m->work = 0;
	op_begin(m);
	count(v->counters, pf_taken);
	shadow_zap(v, state, true);
	count(v->counters, pf_fixed);
	settle(v);
	return true;
}

static ALWAYS_INLINE enum mmu_straight_way protected_fault(struct mmu_vcpu *v,
							   const struct mmu_way *way, u64 gva,
							   u32 pfec, u64 rip,
							   struct mmu_straight *out)
{
	if (learn_write(v, &way->leaves[spt_index(1, gva)], gva, pfec, rip, out))
		return MMU_STRAIGHT_WRITE;
	return drop_unused(v, way, gva) ? MMU_STRAIGHT_MENDED : MMU_NOT_STRAIGHT;
}

/* Where not all is remembered that is asked for. */
static RARE enum mmu_straight_way learn_fault(struct mmu_vcpu *v, u64 gva, u32 pfec, u64 rip,
					      struct mmu_straight *out)
{
	const struct mmu_way *way;

	if (unlikely(v->mode < PAGING_4LEVEL || !(v->regs.cr0 & CR0_WP)))
		return MMU_NOT_STRAIGHT;
	memo_begin(v);
	way = is_plain_write(pfec) ? recall_way(v, gva) : NULL;
	if (way && leads_to_protected(v, way, gva, pfec))
		return protected_fault(v, way, gva, pfec, rip, out);
	if (!access_shown(&v->regs, pfec) || !recall_own(v, gva))
		return MMU_NOT_STRAIGHT;
	return by_own_tables(v, gva, pfec, rip, out, true, true);
}

/* A function of its own: it calls one to read PKRU. */
static __attribute__((noinline)) enum mmu_straight_way
keyed_fault(struct mmu_vcpu *v, u64 gva, u32 pfec, u64 rip, struct mmu_straight *out)
{
	return by_own_tables(v, gva, pfec, rip, out, false, true);
}

/* What is no write to a table that is remembered. */
static __attribute__((noinline)) enum mmu_straight_way
other_fault(struct mmu_vcpu *v, u64 gva, u32 pfec, u64 rip, struct mmu_straight *out)
{
	if (likely(own_holds(v, gva) && access_shown(&v->regs, pfec)))
		return unlikely(v->regs.cr4 & CR4_PKE)
			       ? keyed_fault(v, gva, pfec, rip, out)
			       : by_own_tables(v, gva, pfec, rip, out, false, false);
	return learn_fault(v, gva, pfec, rip, out);
}

/* This and other_fault() call nothing on ways that are remembered, so that few registers are kept. */
enum mmu_straight_way mmu_fault_straight(struct mmu_vcpu *v, u64 gva, u32 pfec, u64 rip,
					 struct mmu_straight *out)
{
	if (unlikely(is_waiting(v)))
		return MMU_NOT_STRAIGHT;
	if (unlikely(!memo_holds(v)))
		return learn_fault(v, gva, pfec, rip, out);
	if (recall_write(v, gva, pfec, rip, out))
		return MMU_STRAIGHT_WRITE;
	return other_fault(v, gva, pfec, rip, out);
}
