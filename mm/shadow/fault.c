/* SPDX-License-Identifier: MIT */
/*
 * A page fault that reached the hypervisor: the guest's own, a missing shadow entry, or a write to a
 * guest table.
 */
#include "mm/shadow/mirror.h"
#include "mm/shadow/settle.h"

/* Go on in a table, at its entry for an address. */
static void move_to(struct mmu *m, struct descent *d, u32 table, u64 gva)
{
	shadow_touch(m, table);
	d->slot = slot_make(table, spt_index(m->shadows[table].role.level, gva));
}

/* Make the current entry the link that is wanted, and its table where that is not there yet; go there. */
static void step_down(struct mmu_vcpu *v, struct descent *d, struct spte_want want, u64 gva)
{
	u32 child = linked_child(v->mmu, d->slot, want);

	if (!child)
		child = shadow_get(v, spte_gfn(want.spte), want.child);
	d->changed |= spte_set(v, d->slot, want, child, true);
	move_to(v->mmu, d, child, gva);
}

/* Install the leaf at the end of the way. */
static void install_leaf(struct mmu_vcpu *v, struct descent *d, struct spte_want want)
{
	want.spte |= PTE_A;
	d->changed |= spte_set(v, d->slot, want, 0, true);
}

/* Below a large guest page, or with paging off: direct tables, down to what may be mapped. */
static void descend_direct(struct mmu_vcpu *v, struct descent *d, u64 gva)
{
	const struct mmu *m = v->mmu;
	const struct shadow *s = shadow_at(m, d->slot);
	struct spte_want want;

	/* All that such a table maps is there from the start. */
	if (s->role.level == 1)
		return;
	want = direct_wanted(m, s->role, s->gfn + (u64)slot_entry(d->slot) * REGION_FRAMES);
	if (want.child.word)
		step_down(v, d, want, gva);
	else if (!spte_is_present(*spte_at(m, d->slot), m->trap_bits))
		install_leaf(v, d, want);
}

/*
 * Install what a successful walk found. Returns false, with the leaf as the guest's tables have it,
 * when that does not let the hardware make the access: a write that has to be emulated, or lent.
 */
static bool install(struct mmu_vcpu *v, struct descent *d, const struct walk *w,
		    const struct mmu_fault *fault, bool lend)
{
	struct mmu *m = v->mmu;
	u32 table = slot_table(d->slot);
	union role role = m->shadows[table].role;
	u64 gpte = w->gpte[w->level];
	struct spte_want want = slot_wanted(m, d->slot, gpte);
	const struct frame *f;
	bool enough = !role.wp0 || wp0_turn(v, d->slot, gpte, fault, lend, &want.spte);

	if (want.child.word) {
		/* wp0_turn() may have made it a supervisor's, which has no key: direct_role(). */
		if (!(want.spte & PTE_U))
			want.child.pk = 0;
		count(v->counters, mmu_split);
		step_down(v, d, want, fault->gva);
		descend_direct(v, d, fault->gva);
		return enough;
	}
	install_leaf(v, d, want);
	/* A write to a table out of sync is the flood going on; its mapping may be in that very table. */
	f = fault->pfec & PFEC_W ? frame_of(m, fault->gpa >> PAGE_SHIFT) : NULL;
	if (role.level == 1 && table_is_unsync(m, table) && !(f && (f->state & FRAME_UNSYNC)))
		unsync_used(v, m->shadows[table].gfn, fault->gva);
	if (role.level == 1 && (w->set & BIT(1)) && !(fault->pfec & PFEC_W))
		accessed_ahead(v, d->slot, gpte);
	return enough;
}

/*
 * A link that may be followed as it is. In a synced table it is what the guest's entry asks for; but where
 * a device has written to that table, which is no store that faults, it leads to a shadow of another
 * frame, or to the split of a large page, or grants other rights. With CR0.WP=0 more than these counts.
 */
static bool link_is_good(const struct mmu *m, slot_t slot, const struct walk *w, int level,
			 u64 spte)
{
	const struct shadow *child;

	if (!spte_is_link(level, spte) || ((spte ^ w->gpte[level]) & PTE_RIGHTS) ||
	    table_is_unsync(m, slot_table(slot)) || shadow_at(m, slot)->role.wp0)
		return false;
	child = &m->shadows[spte_child(m, spte)];
	return child->gfn == w->table[level - 1] && !child->role.direct;
}

/* From the root to the entry that decides. */
static void descend(struct mmu_vcpu *v, struct descent *d, const struct walk *w, u64 gva)
{
	struct mmu *m = v->mmu;
	int level = m->shadows[v->root].role.level;

	move_to(m, d, v->root, gva);
	if (v->root == v->pae_root) {
		/* The four PDs hang there as long as the root is loaded, but for one that is shut. */
		root_take_back(v, spt_index(3, gva), w->table[2]);
		move_to(m, d, spte_child(m, *spte_at(m, d->slot)), gva);
		level--;
	}
	for (; level > w->level; level--) {
		u64 spte = *spte_at(m, d->slot);
		struct spte_want want;

		if (link_is_good(m, d->slot, w, level, spte)) {
			move_to(m, d, spte_child(m, spte), gva);
			continue;
		}
		want = slot_wanted(m, d->slot, w->gpte[level]);
		step_down(v, d, want, gva);
	}
}

bool map_walked(struct mmu_vcpu *v, struct descent *d, const struct walk *w,
		const struct mmu_fault *fault, bool lend)
{
	descend(v, d, w, fault->gva);
	return install(v, d, w, fault, lend);
}

/* The guest's own fault: leave the entry so that the next one does not exit, if that may be. */
static void guest_fault(struct mmu_vcpu *v, const struct walk *w, u64 gva)
{
	struct mmu *m = v->mmu;
	struct descent d = {0};

	count(v->counters, pf_guest);
	/*
	 * A page fault drops what is cached for its address, as INVLPG does (SDM vol. 3A 4.10.4.1, APM vol. 2
	 * 5.5.3), and the CPU has done so though the fault exits: what an exit leaves undone, SDM vol. 3C 28.1,
	 * is not this. So no flush is asked for. A CPU that broke this promise would show the guest for longer
	 * what it changed without a flush, and no more.
	 */
	resync_gva(v, gva);
	if (w->pfec & PFEC_P) {
		const struct frame *f = frame_of(m, w->table[w->level]);

		count(v->counters, pf_guest_protection);
		/* Its next faults, and each INVLPG that mends one, cost less in sync. */
		if (f && (f->state & (FRAME_UNSYNC | FRAME_SHUT)) == FRAME_UNSYNC)
			unsync_faulted(v, w->table[w->level], PFEC_P);
		else if (w->pfec & PFEC_U)
			unsync_hinders(v);
		return;
	}
	count(v->counters, pf_guest_notpresent);
	if (w->level > m->shadows[v->root].role.level - (v->root == v->pae_root))
		return;
	/* The walk has set A on the way here, so there is a link for each level. */
	descend(v, &d, w, gva);
	if (!table_is_unsync(m, slot_table(d.slot)))
		entry_sync(v, d.slot);
	else
		unsync_faulted(v, shadow_at(m, d.slot)->gfn, 0);
	if (unlikely(m->soft_traps))
		soften(v);
}

/* A write to this frame has to be emulated; false when it is no tracked table, or no longer. */
static bool table_write(struct mmu_vcpu *v, u64 gfn)
{
	struct mmu *m = v->mmu;
	struct frame *f = frame_of(m, gfn);

	if (!frame_is_tracked(f))
		return false;
	shadow_zap_unused(v, gfn);
	/* Of upper tables, flood.c decides. */
	if (frame_is_tracked(f) && m->sync == MMU_SYNC_NEVER && !has_upper_level(m, gfn))
		frame_unsync(v, gfn);
	return frame_is_tracked(f);
}

/* With paging off, a linear address is a physical one. */
static void map_identity(struct mmu_vcpu *v, struct descent *d, u64 gva)
{
	slot_t pd = slot_make(v->pae_root, spt_index(3, gva));

	move_to(v->mmu, d, spte_child(v->mmu, *spte_at(v->mmu, pd)), gva);
	descend_direct(v, d, gva);
}

/* changed: a table is writable by now, and the fault may have been for no more. */
static enum mmu_verdict look_closely(struct mmu_vcpu *v, struct mmu_fault *fault, bool changed)
{
	struct mmu *m = v->mmu;
	bool emulate = false, enough = true, tracked;
	struct walk w = {.by_hardware = true};
	struct descent d = {.changed = changed};

	if (v->mode == PAGING_OFF) {
		fault->gpa = fault->gva;
	} else {
		walk(v, fault, &w);
		if (w.fault) {
			filter_paid(v, fault->pfec);
			guest_fault(v, &w, fault->gva);
			fault->guest_pfec = w.pfec;
			return MMU_GUEST_FAULT;
		}
		fault->gpa = w.gpa;
	}
	if (fault->pfec & PFEC_W) {
		if (unlikely(gfn_is_watched(m, fault->gpa >> PAGE_SHIFT)))
			return MMU_WATCHED_WRITE;
		tracked = frame_is_tracked(frame_of(m, fault->gpa >> PAGE_SHIFT));
		emulate = table_write(v, fault->gpa >> PAGE_SHIFT);
		/* The table may be written by now: that is what the fault was for. */
		d.changed |= tracked && !emulate;
	}
	/* A write that hits a read-only leaf of a tracked table has nothing to install. */
	if (!emulate || (fault->pfec & (PFEC_P | PFEC_RSVD)) != PFEC_P) {
		if (v->mode == PAGING_OFF)
			map_identity(v, &d, fault->gva);
		else
			enough = map_walked(v, &d, &w, fault, false);
	}
	/* New tables on the way may have needed the room of this one. */
	if (emulate)
		return frame_is_tracked(frame_of(m, fault->gpa >> PAGE_SHIFT)) ? MMU_TABLE_WRITE
									       : MMU_RETRY;
	if (!enough)
		return MMU_WP0_WRITE;
	if (d.changed) {
		count(v->counters, pf_fixed);
	} else {
		count(v->counters, pf_spurious);
		need_flush_gva(v, fault->gva);
	}
	return MMU_RETRY;
}

/* The shortest way first: a write to a table, as the hardware's own tables tell it. */
static enum mmu_verdict decide(struct mmu_vcpu *v, struct mmu_fault *fault)
{
	u64 gfn;

	if (!shortcut_table_write(v, fault))
		return look_closely(v, fault, false);
	gfn = fault->gpa >> PAGE_SHIFT;
	if (unlikely(gfn_is_watched(v->mmu, gfn)))
		return MMU_WATCHED_WRITE;
	if (table_write(v, gfn))
		return MMU_TABLE_WRITE;
	/* It was no table any more: where the leaf is writable by now, that was all. */
	if (!shortcut_allows_write(v, fault->gva))
		return look_closely(v, fault, true);
	count(v->counters, pf_fixed);
	return MMU_RETRY;
}

enum mmu_verdict mmu_fault(struct mmu_vcpu *v, struct mmu_fault *fault)
{
	enum mmu_verdict verdict;

	count(v->counters, pf_taken);
	v->mmu->work = 0;
	op_begin(v->mmu);
	if (v->mode < PAGING_4LEVEL)
		fault->gva = (u32)fault->gva;
	verdict = decide(v, fault);
	if (verdict > MMU_GUEST_FAULT)
		count(v->counters, pf_emulate);
	settle(v);
	return verdict;
}

u32 mmu_own_fault(struct mmu_vcpu *v, u32 pfec)
{
	count(v->counters, pf_taken);
	count(v->counters, pf_guest);
	count(v->counters, pf_guest_notpresent);
	count(v->counters, pf_guest_fast);
	filter_paid(v, pfec);
	say_hardware(v);
	/* A 32-bit guest runs on PAE tables, whose faults tell of fetches. */
	if ((pfec & PFEC_I) && !guest_fetch_shown(&v->regs))
		pfec &= ~PFEC_I;
	return pfec;
}
