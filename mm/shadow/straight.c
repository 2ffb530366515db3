/* SPDX-License-Identifier: MIT */
/*
 * The straight ways of page faults: the plainest case of each kind, in few instructions. They decide nothing by
 * themselves: what they find plain is done as fault.c and write.c would.
 */
#include "mm/shadow/mirror.h"
#include "mm/shadow/shortcut.h"

static ALWAYS_INLINE bool is_as_it_was(const struct mmu_memo *c, u32 i)
{
	return *c->at[i] == c->said[i];
}

/* All that a way was found by, four to six places, is as it was. No loop: that takes twice as long. */
static ALWAYS_INLINE bool memo_holds(const struct mmu_memo *c, u64 where, u32 root, u32 n)
{
	return c->where == where && c->root == root && is_as_it_was(c, 0) && is_as_it_was(c, 1) &&
	       is_as_it_was(c, 2) && is_as_it_was(c, 3) && (n < 5 || is_as_it_was(c, 4)) &&
	       (n < 6 || is_as_it_was(c, 5));
}

static void memo_add(struct mmu_memo *c, u32 i, const volatile u64 *at, u64 said)
{
	c->at[i] = at;
	c->said[i] = said;
}

/* By the entries on the shadow's way to it: three links and the leaf, or two and a large leaf. */
static __attribute__((noinline)) bool learn_code(struct mmu_vcpu *v, u64 gva, u64 *hpa)
{
	const struct mmu *m = v->mmu;
	struct mmu_memo *c = &v->memo.code;
	const u64 *table = table_of(m, v->root);

	if (!find_code(v, gva, hpa))
		return false;
	c->where = gva >> PAGE_SHIFT;
	c->root = v->root;
	v->memo.code_page = *hpa & PTE_ADDR;
	for (int level = 4; level > 0; level--) {
		const u64 *entry = &table[spt_index(level, gva)];

		memo_add(c, 4 - level, entry, *entry);
		if (spte_is_link(level, *entry))
			table = table_of(m, spte_child(m, *entry));
	}
	return true;
}

static ALWAYS_INLINE bool recall_code(struct mmu_vcpu *v, u64 gva, u64 *hpa)
{
	if (unlikely(!memo_holds(&v->memo.code, gva >> PAGE_SHIFT, v->root, 4)))
		return learn_code(v, gva, hpa);
	*hpa = v->memo.code_page | (gva & (PAGE_SIZE - 1));
	return true;
}

/* A write to the page of this leaf is one to a table with one shadow. Changes nothing. */
static ALWAYS_INLINE bool find_write(struct mmu_vcpu *v, const struct found *leaf, u64 gva, u64 rip,
				     struct mmu_straight *out)
{
	const struct mmu *m = v->mmu;
	u64 gfn = spte_gfn(leaf->spte);
	const struct shadow *s;
	u32 state;

	if (unlikely(gfn >= m->nr_frames || m->sync == MMU_SYNC_NEVER))
		return false;
	/* One number and no flag: a frame of RAM with tables, that are in sync. */
	state = m->frames[gfn].state;
	if (unlikely(state - 1 >= FRAME_TABLES))
		return false;
	s = &m->shadows[state];
	if (unlikely(s->next || s->role.format == GPTE_32 || !(s->parents | s->pins)))
		return false;
	out->gpa = (leaf->spte & PTE_ADDR) | (gva & (PAGE_SIZE - 1));
	out->slot = slot_make(state, (gva & (PAGE_SIZE - 1)) / sizeof(u64));
	return recall_code(v, rip, &out->code);
}

/* The guest's own way to a page of 4 KiB: all its tables are in RAM, and all of them but the last accessed. */
struct own_way {
	u64 gpte, leaf; /* the entry, and its address */
	u64 rights;     /* W and U where all on the way have these; NX where one has it */
};

static ALWAYS_INLINE u64 rights_below(u64 rights, u64 gpte)
{
	return (rights & (gpte | PTE_NX)) | (gpte & PTE_NX);
}

static ALWAYS_INLINE const u64 (*reserved_of(const struct mmu_vcpu *v))[2]
{
	const struct paging_regs *r = &v->regs;

	return v->mmu->guest->reserved[gpte_kind(GPTE_64, r->efer & EFER_NXE, r->cr4 & CR4_PSE)];
}

/* The upper levels: by their three entries, and the registers that the walk goes by. */
static __attribute__((noinline)) bool learn_own(struct mmu_vcpu *v, u64 gva)
{
	const struct guest_paging *g = v->mmu->guest;
	const u64(*bad)[2] = reserved_of(v);
	struct mmu_memo *c = &v->memo.own;
	u64 table = v->regs.cr3 & PTE_ADDR, rights = PTE_W | PTE_U;

	c->root = v->memo.down.root = 0;
	for (int level = 4; level > 1; level--) {
		const volatile u64 *at;
		u64 gpte, want = PTE_P | PTE_A;

		if (!guest_is_ram(g, table))
			return false;
		at = (u64 *)phys_ptr(table) + gpte_index(GPTE_64, level, gva);
		gpte = *at;
		if ((gpte & (want | PTE_PS | bad[level][0])) != want)
			return false;
		memo_add(c, 4 - level, at, gpte);
		rights = rights_below(rights, gpte);
		table = gpte & PTE_ADDR;
	}
	if (!guest_is_ram(g, table))
		return false;
	memo_add(c, 3, &v->regs.cr3, v->regs.cr3);
	memo_add(c, 4, &v->regs.efer, v->regs.efer);
	c->where = gva / REGION_SIZE;
	c->root = v->root;
	v->memo.own_rights = rights;
	v->memo.own_table = table;
	return true;
}

static ALWAYS_INLINE bool walk_own(struct mmu_vcpu *v, u64 gva, struct own_way *w)
{
	if (unlikely(!memo_holds(&v->memo.own, gva / REGION_SIZE, v->root, 5)) &&
	    !learn_own(v, gva))
		return false;
	w->leaf = v->memo.own_table + gpte_index(GPTE_64, 1, gva) * sizeof(w->gpte);
	w->gpte = *(const volatile u64 *)phys_ptr(w->leaf);
	w->rights = rights_below(v->memo.own_rights, w->gpte);
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
	filter_paid(v, pfec);
	say_hardware(v);
	out->pfec = (pfec & (PFEC_W | PFEC_U | PFEC_I)) | present;
	return MMU_STRAIGHT_OWN;
}

/*
 * The shadow tables that mirror the guest's way, as walk_own() has it: by links that may be followed as they are,
 * link_is_good(), while nothing is out of sync.
 */
static __attribute__((noinline)) bool learn_down(struct mmu_vcpu *v, u64 gva)
{
	const struct mmu *m = v->mmu;
	const struct mmu_memo *own = &v->memo.own;
	struct mmu_memo *c = &v->memo.down;
	u32 table = v->root;

	c->root = 0;
	v->memo.table[4] = table;
	for (int level = 4; level > 1; level--) {
		const u64 *entry = &table_of(m, table)[spt_index(level, gva)];
		u64 gpte = own->said[4 - level];

		if (!spte_is_link(level, *entry) || ((*entry ^ gpte) & PTE_RIGHTS))
			return false;
		table = spte_child(m, *entry);
		if (m->shadows[table].gfn != spte_gfn(gpte))
			return false;
		memo_add(c, 4 - level, entry, *entry);
		memo_add(c, 7 - level, &m->shadows[table].gfn, spte_gfn(gpte));
		v->memo.table[level - 1] = table;
	}
	c->where = gva / REGION_SIZE;
	c->root = v->root;
	return true;
}

static ALWAYS_INLINE bool find_down(struct mmu_vcpu *v, u64 gva)
{
	return likely(memo_holds(&v->memo.down, gva / REGION_SIZE, v->root, 6)) ||
	       learn_down(v, gva);
}

static ALWAYS_INLINE void touch_way(struct mmu_vcpu *v)
{
	shadow_touch(v->mmu, v->memo.table[4]);
	shadow_touch(v->mmu, v->memo.table[3]);
	shadow_touch(v->mmu, v->memo.table[2]);
	shadow_touch(v->mmu, v->memo.table[1]);
}

/* One that is not present, where all on the shadow's way says so already: no filter was on. */
static ALWAYS_INLINE enum mmu_straight_way own_notpresent(struct mmu_vcpu *v, u64 gva, u32 pfec,
							  struct mmu_straight *out)
{
	struct mmu *m = v->mmu;

	if (unlikely(m->soft_traps || m->nr_unsync || !find_down(v, gva)) ||
	    unlikely(!spte_is_notrap(
		    *spte_at(m, slot_make(v->memo.table[1], spt_index(1, gva))))))
		return MMU_NOT_STRAIGHT;
	(void)own_fault(v, pfec, 0, out);
	touch_way(v);
	return MMU_STRAIGHT_OWN;
}

/* What the access sets in the guest's entry lets it be made, and the leaf follows: install(). */
static ALWAYS_INLINE enum mmu_straight_way mend(struct mmu_vcpu *v, u64 gva, u32 pfec,
						const struct own_way *w)
{
	struct mmu *m = v->mmu;
	bool write = pfec & PFEC_W;
	u64 gpte = w->gpte | PTE_A | (write ? PTE_D : 0), *entry, old, spte;
	const struct frame *f = frame_of(m, spte_gfn(gpte));
	struct shadow *s;
	slot_t slot;

	if (unlikely(gpte == w->gpte || !f || (write && f->state) || m->nr_unsync ||
		     m->soft_traps) ||
	    unlikely(!find_down(v, gva)))
		return MMU_NOT_STRAIGHT;
	s = &m->shadows[v->memo.table[1]];
	slot = slot_make(v->memo.table[1], spt_index(1, gva));
	entry = spte_at(m, slot);
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
	touch_way(v);
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
static __attribute__((noinline)) enum mmu_straight_way
look_straight(struct mmu_vcpu *v, u64 gva, u32 pfec, struct mmu_straight *out)
{
	const struct paging_regs *r = &v->regs;
	const u64(*bad)[2] = reserved_of(v);
	bool fetch_shown = (r->cr4 & CR4_SMEP) || (r->efer & EFER_NXE);
	struct own_way w;

	if (unlikely((pfec & PFEC_PK) || !(fetch_shown || (pfec & PFEC_W))) ||
	    unlikely(!walk_own(v, gva, &w)))
		return MMU_NOT_STRAIGHT;
	if (!(w.gpte & PTE_P))
		return own_notpresent(v, gva, pfec, out);
	if (unlikely((w.gpte & bad[1][!!(w.gpte & PTE_PS)]) || !rights_decide(r, w.rights, pfec)))
		return MMU_NOT_STRAIGHT;
	return is_denied(r, w.rights, pfec) ? own_fault(v, pfec, PFEC_P, out)
					    : mend(v, gva, pfec, &w);
}

enum mmu_straight_way mmu_fault_straight(struct mmu_vcpu *v, u64 gva, u32 pfec, u64 rip,
					 struct mmu_straight *out)
{
	const struct mmu *m = v->mmu;

	/* Whatever mmu_fault() would do beside. */
	if (unlikely(m->orphans.first | m->reach_queue[REACH_SOFT] |
		     m->reach_queue[REACH_NARROWED] | v->nr_lent) ||
	    unlikely(v->mode != PAGING_4LEVEL || !(v->regs.cr0 & CR0_WP)))
		return MMU_NOT_STRAIGHT;
	if (is_plain_write(pfec)) {
		struct found leaf = way_to(v, gva);

		if (is_protected(v, &leaf, pfec))
			return find_write(v, &leaf, gva, rip, out) ? MMU_STRAIGHT_WRITE
								   : MMU_NOT_STRAIGHT;
	}
	return look_straight(v, gva, pfec, out);
}
