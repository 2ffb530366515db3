/* SPDX-License-Identifier: MIT */
/* The guest's own page walk: SDM vol. 3A 4.3 to 4.8. */
#include "mm/shadow/settle.h"

static enum gpte_format walk_format(enum paging_mode mode)
{
	if (mode == PAGING_32)
		return GPTE_32;
	return mode == PAGING_PAE ? GPTE_PAE : GPTE_64;
}

/* Set bits in a guest entry unless it changed since it was read; false when it did. */
static bool gpte_set_bits(u64 gfn, enum gpte_format format, u32 index, u64 gpte, u64 bits)
{
	void *table = phys_ptr(gfn << PAGE_SHIFT);

	if (format == GPTE_32) {
		u32 old = (u32)gpte;

		return __atomic_compare_exchange_n((u32 *)table + index, &old, old | (u32)bits,
						   false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
	return __atomic_compare_exchange_n((u64 *)table + index, &gpte, gpte | bits, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/*
 * The A and D bits of an odd 32-bit entry are address bits of the 64-bit entry that it is half of, for
 * a shadow that was made when the frame was a table of that format.
 */
static void sync_upper_half(struct mmu_vcpu *v, u64 gfn, u32 index)
{
	struct mmu *m = v->mmu;

	if (!frame_is_tracked(frame_of(m, gfn)))
		return;
	for (u32 s = m->frames[gfn].state & FRAME_TABLES; s; s = m->shadows[s].next) {
		if (m->shadows[s].role.format != GPTE_32)
			entry_sync(v, slot_make(s, index / 2));
	}
}

/* Set A in the entries from the top to `last`, and D in that; false when one changed under the walk. */
static bool set_accessed_dirty(struct mmu_vcpu *v, struct walk *w, enum gpte_format format, u64 gva,
			       int last, bool dirty)
{
	for (int level = w->top; level >= last; level--) {
		u64 bits = PTE_A | (dirty && level == last ? PTE_D : 0);

		if ((w->gpte[level] & bits) == bits)
			continue;
		if (!gpte_set_bits(w->table[level], format, gpte_index(format, level, gva),
				   w->gpte[level], bits))
			return false;
		w->gpte[level] |= bits;
		if (format == GPTE_32 && (gpte_index(format, level, gva) & 1))
			sync_upper_half(v, w->table[level], gpte_index(format, level, gva));
	}
	return true;
}

/* True when the error code has the I bit for fetches. */
static bool fetch_shown(const struct mmu_vcpu *v)
{
	return (v->regs.cr4 & CR4_SMEP) || ((v->regs.efer & EFER_NXE) && v->mode >= PAGING_PAE);
}

u32 mmu_own_fault(struct mmu_vcpu *v, u32 pfec)
{
	count(v->counters, pf_taken);
	count(v->counters, pf_guest);
	count(v->counters, pf_guest_notpresent);
	count(v->counters, pf_guest_fast);
	/* A 32-bit guest runs on PAE tables, whose faults tell of fetches. */
	if ((pfec & PFEC_I) && !fetch_shown(v))
		pfec &= ~PFEC_I;
	return pfec;
}

/*
 * With neither SMEP nor NXE the hardware's error code does not tell a fetch from a read (SDM vol. 3A
 * 4.7), and SMAP and keys are for reads alone. So a fault that the hardware did not raise for them
 * gets the leaf that a fetch may use; a read then faults on it again, and says why.
 */
static bool may_be_fetch(const struct mmu_vcpu *v, const struct mmu_fault *access)
{
	u32 pfec = access->pfec;

	if ((pfec & PFEC_W) || fetch_shown(v))
		return false;
	if (pfec & PFEC_U)
		return !(pfec & PFEC_PK);
	return (pfec & (PFEC_P | PFEC_RSVD)) != PFEC_P;
}

/* The rights of the whole walk against the access; 0, or the error code's P, and PK, bits. */
static u32 check_rights(const struct mmu_vcpu *v, const struct mmu_fault *access, bool fetch,
			u64 rights, u64 leaf)
{
	u64 cr4 = v->regs.cr4;
	bool user = access->pfec & PFEC_U, write = access->pfec & PFEC_W;
	bool allowed = true;
	u32 pk = 0;

	if (fetch) {
		allowed = !(rights & PTE_NX) &&
			  (user ? rights & PTE_U : !((rights & PTE_U) && (cr4 & CR4_SMEP)));
		return allowed ? 0 : PFEC_P;
	}
	if (user)
		allowed = (rights & PTE_U) && (!write || (rights & PTE_W));
	else
		allowed = (!write || (rights & PTE_W) || !(v->regs.cr0 & CR0_WP)) &&
			  (!(rights & PTE_U) || !(cr4 & CR4_SMAP) || access->ac);
	if ((rights & PTE_U) && (cr4 & CR4_PKE) && v->mode >= PAGING_4LEVEL) {
		u32 key = access->pkru >> 2 * ((leaf & PTE_PK) >> PTE_PK_SHIFT);

		if ((key & 1) || (write && (key & 2) && (user || (v->regs.cr0 & CR0_WP))))
			pk = PFEC_P | PFEC_PK;
	}
	return (allowed ? 0 : PFEC_P) | pk;
}

/* The error code's bits that depend on the access alone. */
static u32 access_pfec(const struct mmu_vcpu *v, const struct mmu_fault *access)
{
	return access->pfec & (PFEC_W | PFEC_U | (fetch_shown(v) ? PFEC_I : 0));
}

static void walk_fault(struct walk *w, u32 pfec)
{
	w->fault = true;
	w->not_present = !(pfec & PFEC_P);
	w->pfec = pfec;
}

/* One pass; false when an entry changed before its A and D bits could be set. */
static bool walk_once(struct mmu_vcpu *v, const struct mmu_fault *access, struct walk *w)
{
	const struct mmu *m = v->mmu;
	enum gpte_format format = walk_format(v->mode);
	bool nxe = v->regs.efer & EFER_NXE, pse = v->regs.cr4 & CR4_PSE;
	u64 gva = access->gva, rights = PTE_W | PTE_U, gfn = (v->regs.cr3 & PTE_ADDR) >> PAGE_SHIFT;
	u32 base = access_pfec(v, access), denied;
	bool fetch = (access->pfec & PFEC_I) || (w->by_hardware && may_be_fetch(v, access));
	u32 kind = gpte_kind(format, nxe, pse);
	u64 all = ~0ULL;
	int level;

	w->fault = false;
	switch (v->mode) {
	case PAGING_32:
		gfn = (u32)v->regs.cr3 >> PAGE_SHIFT;
		level = 2;
		break;
	case PAGING_PAE:
		level = 2;
		w->level = 3;
		if (!(v->regs.pdpte[(u32)gva >> 30] & PTE_P)) {
			w->top = 2;
			walk_fault(w, base);
			return true;
		}
		gfn = (v->regs.pdpte[(u32)gva >> 30] & PTE_ADDR) >> PAGE_SHIFT;
		break;
	default:
		level = v->mode == PAGING_5LEVEL ? 5 : 4;
	}
	w->top = level;
	for (;; level--) {
		u64 gpte;

		w->level = level;
		w->table[level] = gfn;
		if (!frame_of(m, gfn)) {
			/* Nothing answers there: the bus reads all ones, reserved bits set. */
			w->table[level] = NO_GFN;
			walk_fault(w, base | PFEC_P | PFEC_RSVD);
			return true;
		}
		gpte = gpte_read(gfn, format, gpte_index(format, level, gva));
		w->gpte[level] = gpte;
		if (!(gpte & PTE_P)) {
			walk_fault(w, base);
			/* The tables on the way were used all the same: SDM vol. 3A 4.8. */
			return (all & PTE_A) ||
			       set_accessed_dirty(v, w, format, gva, level + 1, false);
		}
		if (gpte_is_bad(m, kind, level, gpte)) {
			walk_fault(w, base | PFEC_P | PFEC_RSVD);
			return true;
		}
		all &= gpte;
		rights &= gpte | PTE_NX;
		if (format != GPTE_32)
			rights |= gpte & PTE_NX;
		if (gpte_is_leaf(format, level, gpte, pse))
			break;
		gfn = (format == GPTE_32 ? (u32)gpte : gpte & PTE_ADDR) >> PAGE_SHIFT;
	}
	denied = check_rights(v, access, fetch, rights, w->gpte[level]);
	if (denied) {
		walk_fault(w, base | denied);
		return true;
	}
	w->gpa = gpte_leaf_addr(format, level, w->gpte[level]) |
		 (gva & (gpte_leaf_size(format, level) - 1));
	if ((all & PTE_A) && (!(access->pfec & PFEC_W) || (w->gpte[level] & PTE_D)))
		return true;
	return set_accessed_dirty(v, w, format, gva, level, access->pfec & PFEC_W);
}

void walk(struct mmu_vcpu *v, const struct mmu_fault *access, struct walk *w)
{
	while (!walk_once(v, access, w))
		;
}

void mmu_follow_regs(struct mmu_vcpu *v, const struct paging_regs *regs)
{
	v->regs = *regs;
	v->mode = paging_mode(regs);
}

int mmu_translate(struct mmu_vcpu *v, struct mmu_fault *fault, u64 *gpa)
{
	struct walk w = {.by_hardware = false};

	if (v->mode == PAGING_OFF) {
		*gpa = (u32)fault->gva;
		return 0;
	}
	op_begin(v->mmu);
	walk(v, fault, &w);
	if (w.fault) {
		/* The hardware has not seen this fault, which drops what is cached for its address. */
		resync_gva(v, fault->gva);
		need_flush_gva(v, fault->gva);
		fault->guest_pfec = w.pfec;
	} else {
		*gpa = w.gpa;
	}
	/* A bits that were set may have unlinked tables: sync_upper_half(). */
	settle(v);
	return w.fault ? -1 : 0;
}
