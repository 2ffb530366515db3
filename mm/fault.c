/* SPDX-License-Identifier: MIT */
/*
 * A page fault that reached the hypervisor: the guest's own, a missing shadow entry, or a write to a
 * guest table.
 */
#include "mm/mmu_internal.h"

/* A way down the shadow tables. */
struct descent {
	u32 table;
	u32 i;
	bool changed; /* some entry had to be made */
};

/* Step to the child (gfn, role) of the current entry; make and link it when it is not there yet. */
static void step_down(struct mmu_vcpu *v, struct descent *d, u64 gfn, union role role, u64 rights,
		      u64 gva)
{
	struct mmu *m = v->mmu;
	u64 *spte = &table_of(m, d->table)[d->i];
	u32 child = 0;

	if (spte_is_link(m->shadows[d->table].role.level, *spte)) {
		child = spte_child(m, *spte);
		if (m->shadows[child].gfn != gfn || m->shadows[child].role.word != role.word)
			child = 0;
	}
	if (!child) {
		child = shadow_get(v, gfn, role);
		entry_drop(m, d->table, d->i);
		entry_link(m, d->table, d->i, child, rights, true);
		d->changed = true;
	} else if ((*spte ^ rights) & (PTE_W | PTE_U | PTE_NX)) {
		bool narrower = *spte & ~rights & (PTE_W | PTE_U);

		entry_reaches(m, child);
		*spte = (*spte & ~(PTE_W | PTE_U | PTE_NX)) | rights;
		d->changed = true;
		if (narrower || (rights & PTE_NX))
			need_flush(m);
	}
	shadow_touch(m, child);
	d->table = child;
	d->i = spt_index(role.level, gva);
}

/* Install the leaf for one page at the end of the way. bits: rights and attributes. */
static void install_leaf(struct mmu_vcpu *v, struct descent *d, u64 gfn, u64 bits)
{
	struct mmu *m = v->mmu;
	u64 *spte = &table_of(m, d->table)[d->i], old = *spte;

	entry_drop(m, d->table, d->i);
	entry_leaf(v, d->table, d->i, gfn, bits | PTE_A);
	if (spte_is_present(old, m->ones)) {
		/* Turned between the two faces of a WP=0 page, or narrowed: other TLB entries remain. */
		if (old & ~*spte & (PTE_W | PTE_U))
			need_flush(m);
	}
	if ((old ^ *spte) & ~(PTE_A | PTE_D))
		d->changed = true;
}

/* Below a large guest page, or with paging off: direct tables, down to what may be mapped. */
static void descend_direct(struct mmu_vcpu *v, struct descent *d, u64 gva)
{
	struct mmu *m = v->mmu;
	union role role = m->shadows[d->table].role, child = role;
	u64 gfn = m->shadows[d->table].gfn + ((u64)d->i << 9);

	if (role.level == 1)
		return;

	child.level = 1;
	if (must_split(m, 2, gfn, PTE_W)) {
		step_down(v, d, gfn, child, PTE_W | PTE_U, gva);
		return;
	}
	if (!spte_is_present(table_of(m, d->table)[d->i], m->ones))
		install_leaf(v, d, gfn, direct_attributes(role) | PTE_W | PTE_U);
}

/*
 * An unsynced table is read or faulted on: the flood is over, and it is worth being synced again. All
 * that the guest has mapped meanwhile is filled at once, and its next not-present faults do not exit.
 */
static void flood_is_over(struct mmu_vcpu *v, u64 gfn)
{
	if (v->mmu->sync != MMU_SYNC_NEVER)
		frame_resync(v, gfn);
}

static bool writes_unsynced(const struct mmu *m, const struct mmu_fault *fault)
{
	const struct frame *f = frame_of(m, fault->gpa >> PAGE_SHIFT);

	return (fault->pfec & PFEC_W) && f && (f->state & FRAME_UNSYNC);
}

/* A shadow of a guest's table that may lag behind it. */
static bool table_is_unsync(const struct mmu *m, u32 index)
{
	const struct frame *f = frame_of(m, m->shadows[index].gfn);

	return f && !m->shadows[index].role.direct && (f->state & FRAME_UNSYNC);
}

/* The rights that a supervisor's write needs, where CR0.WP=0 alone allows it; else those of the leaf. */
static u64 wp0_write_rights(union role role, u64 gpte, const struct mmu_fault *fault)
{
	if (!role.wp0 || (fault->pfec & (PFEC_W | PFEC_U)) != PFEC_W)
		return leaf_rights(role, gpte, false);
	/* A key forbids this supervisor no write; the hardware's WP=1 says it does. */
	if (fault->pfec & PFEC_PK)
		return (leaf_rights(role, gpte, true) & ~PTE_U) | (role.smep ? PTE_NX : 0);
	return leaf_rights(role, gpte, true);
}

/*
 * Install what a successful walk found. Returns false, with the leaf as the guest's tables have it,
 * when that does not let the hardware make the access: a write that has to be emulated, or lent.
 */
static bool install(struct mmu_vcpu *v, struct descent *d, const struct walk *w,
		    const struct mmu_fault *fault, bool lend)
{
	struct mmu *m = v->mmu;
	union role role = m->shadows[d->table].role, child;
	u64 gpte = w->gpte[w->level], rights = leaf_rights(role, gpte, false), gfn;
	u64 wp0_rights = wp0_write_rights(role, gpte, fault), lent = 0;
	slot_t slot = slot_make(d->table, d->i);
	bool enough = rights == wp0_rights || !role.strict || lend;

	if (enough)
		rights = wp0_rights;
	if (lend && role.strict) {
		v->lent[v->nr_lent++] = slot;
		lent = SPTE_LENT;
	}
	if (!wanted_child(m, role, gpte, d->i, &gfn, &child)) {
		u64 attributes = leaf_attributes(role, gpte);

		/* Keys are for user pages; Bochs also applies that of a page that is shown as none. */
		if (!(rights & PTE_U))
			attributes &= ~PTE_PK;
		install_leaf(v, d, gfn, rights | attributes | lent);
		/* A write to a table goes on with the flood, and may come through that very table. */
		if (role.level == 1 && !writes_unsynced(m, fault) && table_is_unsync(m, d->table))
			flood_is_over(v, m->shadows[d->table].gfn);
		return enough;
	}
	count(v->counters, mmu_split);
	step_down(v, d, gfn, child, rights, fault->gva);
	table_of(m, slot >> 9)[slot & (SPT_ENTRIES - 1)] |= lent;
	descend_direct(v, d, fault->gva);
	return enough;
}

/*
 * A link that may be followed as it is. In a synced table it is what the guest's entry asks for; but where
 * a device has written to that table, which is no store that faults, it leads to a shadow of another
 * frame, or to the split of a large page, or grants other rights. With CR0.WP=0 more than these counts.
 */
static bool link_is_good(const struct mmu *m, const struct descent *d, const struct walk *w,
			 int level, u64 spte)
{
	const struct shadow *child;

	if (!spte_is_link(level, spte) || ((spte ^ w->gpte[level]) & PTE_RIGHTS) ||
	    table_is_unsync(m, d->table) || m->shadows[d->table].role.wp0)
		return false;
	child = &m->shadows[spte_child(m, spte)];
	return child->gfn == w->table[level - 1] && !child->role.direct;
}

/* From the root to the entry that decides. */
static void descend(struct mmu_vcpu *v, struct descent *d, const struct walk *w, u64 gva)
{
	struct mmu *m = v->mmu;
	int level = m->shadows[v->root].role.level;

	d->table = v->root;
	d->i = spt_index(level, gva);
	shadow_touch(m, d->table);
	if (v->root == v->pae_root) {
		/* The four PDs hang there as long as the root is loaded. */
		d->table = spte_child(m, table_of(m, d->table)[d->i]);
		level--;
		d->i = spt_index(level, gva);
		shadow_touch(m, d->table);
	}
	for (; level > w->level; level--) {
		union role role = m->shadows[d->table].role;
		u64 gpte = w->gpte[level], gfn, spte = table_of(m, d->table)[d->i];
		union role child;

		if (link_is_good(m, d, w, level, spte)) {
			d->table = spte_child(m, spte);
			d->i = spt_index(level - 1, gva);
			shadow_touch(m, d->table);
			continue;
		}
		wanted_child(m, role, gpte, d->i, &gfn, &child);
		step_down(v, d, gfn, child, entry_link_rights(role, gpte), gva);
	}
}

/* The guest's own fault: leave the entry so that the next one does not exit, if that may be. */
static void guest_fault(struct mmu_vcpu *v, const struct walk *w, u64 gva)
{
	struct mmu *m = v->mmu;
	struct descent d = {0};

	count(v->counters, pf_guest);
	/*
	 * A page fault drops what is cached for its address, as INVLPG does: SDM vol. 3A 4.10.4.1, APM
	 * vol. 2 5.5.3. The CPU has done so though the fault exits, and no flush is asked for: both manuals
	 * promise it for the access that faults (the APM's CPU even walks once more before it reports),
	 * and what SDM vol. 3C 28.1 says an exit leaves undone, CR2 first of all, is not this. Were a CPU
	 * to break the promise, the guest would see for longer what it changed without a flush, and no
	 * more: where an entry of ours goes, a flush is asked for that relies on no fault.
	 */
	resync_gva(v, gva);
	if (!w->not_present) {
		count(v->counters, pf_guest_protection);
		return;
	}
	count(v->counters, pf_guest_notpresent);
	if (!m->bypass || w->level > m->shadows[v->root].role.level - (v->root == v->pae_root))
		return;
	/* The walk has set A on the way here, so there is a link for each level. */
	descend(v, &d, w, gva);
	if (!table_is_unsync(m, d.table))
		entry_sync(v, d.table, d.i, false);
	else
		flood_is_over(v, m->shadows[d.table].gfn);
}

/* A write to this frame has to be emulated; false when it is no tracked table, or no longer. */
static bool table_write(struct mmu_vcpu *v, u64 gfn)
{
	struct mmu *m = v->mmu;
	struct frame *f = frame_of(m, gfn);

	if (!frame_is_tracked(f))
		return false;
	shadow_zap_unused(v, gfn);
	shadow_reap(v);
	if (frame_is_tracked(f) && m->sync == MMU_SYNC_NEVER)
		frame_unsync(v, gfn);
	return frame_is_tracked(f);
}

/* With paging off, a linear address is a physical one. */
static void map_identity(struct mmu_vcpu *v, struct descent *d, u64 gva)
{
	struct mmu *m = v->mmu;

	d->table = spte_child(m, table_of(m, v->pae_root)[spt_index(3, gva)]);
	d->i = spt_index(2, gva);
	shadow_touch(m, d->table);
	descend_direct(v, d, gva);
}

static enum mmu_verdict sort_out(struct mmu_vcpu *v, struct mmu_fault *fault)
{
	struct mmu *m = v->mmu;
	struct descent d = {0};
	bool emulate = false, enough = true;
	struct walk w = {.by_hardware = true};

	count(v->counters, pf_taken);
	m->work = 0;
	if (v->mode < PAGING_4LEVEL)
		fault->gva = (u32)fault->gva;
	if (shortcut_table_write(v, fault)) {
		if (unlikely(gfn_is_watched(m, fault->gpa >> PAGE_SHIFT))) {
			count(v->counters, pf_emulate);
			return MMU_WATCHED_WRITE;
		}
		if (table_write(v, fault->gpa >> PAGE_SHIFT)) {
			count(v->counters, pf_emulate);
			return MMU_TABLE_WRITE;
		}
		/* Let go just now: that it may be written again is what the fault was for. */
		d.changed = true;
	}
	if (v->mode == PAGING_OFF) {
		w.gpa = fault->gva;
	} else {
		walk(v, fault, &w);
		if (w.fault) {
			guest_fault(v, &w, fault->gva);
			fault->guest_pfec = w.pfec;
			return MMU_GUEST_FAULT;
		}
	}
	fault->gpa = w.gpa;
	if ((fault->pfec & PFEC_W) && unlikely(gfn_is_watched(m, w.gpa >> PAGE_SHIFT))) {
		shadow_reap(v);
		count(v->counters, pf_emulate);
		return MMU_WATCHED_WRITE;
	}
	if (fault->pfec & PFEC_W) {
		bool tracked = frame_is_tracked(frame_of(m, w.gpa >> PAGE_SHIFT));

		emulate = table_write(v, w.gpa >> PAGE_SHIFT);
		/* As above. */
		d.changed |= tracked && !emulate;
	}
	/* A write that hits a read-only leaf of a tracked table has nothing to install. */
	if (!emulate || (fault->pfec & (PFEC_P | PFEC_RSVD)) != PFEC_P) {
		if (v->mode == PAGING_OFF) {
			map_identity(v, &d, fault->gva);
		} else {
			descend(v, &d, &w, fault->gva);
			enough = install(v, &d, &w, fault, false);
		}
	}
	if (emulate) {
		shadow_reap(v);
		/* New tables on the way may have needed the room of this one. */
		if (!frame_is_tracked(frame_of(m, w.gpa >> PAGE_SHIFT)))
			return MMU_RETRY;
		count(v->counters, pf_emulate);
		return MMU_TABLE_WRITE;
	}
	if (!enough) {
		count(v->counters, pf_emulate);
		return MMU_WP0_WRITE;
	}
	if (d.changed) {
		count(v->counters, pf_fixed);
	} else {
		count(v->counters, pf_spurious);
		need_flush_gva(v, fault->gva);
	}
	return MMU_RETRY;
}

enum mmu_verdict mmu_fault(struct mmu_vcpu *v, struct mmu_fault *fault)
{
	enum mmu_verdict verdict;

	op_begin(v->mmu);
	verdict = sort_out(v, fault);
	op_end(v);
	return verdict;
}

void mmu_lend(struct mmu_vcpu *v, const struct mmu_fault *fault)
{
	struct descent d = {0};
	struct walk w = {.by_hardware = true};

	if (v->nr_lent == MMU_LENT_MAX)
		mmu_take_back(v);
	op_begin(v->mmu);
	walk(v, fault, &w);
	/* Anything but what mmu_fault() found: the guest runs the instruction again, and it will tell. */
	if (!w.fault && !frame_is_tracked(frame_of(v->mmu, w.gpa >> PAGE_SHIFT))) {
		descend(v, &d, &w, fault->gva);
		install(v, &d, &w, fault, true);
	}
	op_end(v);
}

void mmu_take_back(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;

	if (!v->nr_lent)
		return;
	op_begin(m);
	while (v->nr_lent) {
		slot_t slot = v->lent[--v->nr_lent];
		u64 spte = table_of(m, slot >> 9)[slot & (SPT_ENTRIES - 1)];

		/* The entry may say something else by now, and the table be another. */
		if (spte_is_present(spte, m->ones) && (spte & SPTE_LENT))
			entry_trap(m, slot);
	}
	need_flush(m);
	op_end(v);
}
