/* SPDX-License-Identifier: MIT */
/* Roots: what the hardware's CR3 is given for each of the guest's modes and address spaces. */
#include "arch/string.h"
#include "mm/shadow/settle.h"

static union role root_role(const struct mmu_vcpu *v)
{
	const struct paging_regs *r = &v->regs;
	union role role = {0};

	role.level = v->mode == PAGING_5LEVEL ? 5 : v->mode == PAGING_4LEVEL ? 4 : 2;
	role.format = paging_format(v->mode);
	role.nxe = v->mode >= PAGING_PAE && (r->efer & EFER_NXE);
	role.pse = v->mode == PAGING_32 && (r->cr4 & CR4_PSE);
	wp0_role(&role, v);
	return role;
}

/* Hang a PD (0: none) under one PDPTE. A PDPTE can be no trap, so its PD has to stay: it is pinned. */
static void set_pdpte(struct mmu_vcpu *v, u32 i, u32 pd)
{
	struct mmu *m = v->mmu;
	slot_t slot = slot_make(v->pae_root, i);
	u64 *spte = spte_at(m, slot);
	u32 old = *spte ? spte_child(m, *spte) : 0;

	if (old == pd)
		return;
	if (old) {
		m->shadows[old].pins--;
		/* Another address space is loaded; the table is still this one's. */
		entry_drop(m, slot, false);
		*spte = SPTE_NOTRAP;
	}
	v->hw.reload_root = true;
	v->hw.due = true;
	if (pd) {
		m->shadows[pd].pins++;
		/* Only P and the memory type exist in a PDPTE: SDM vol. 3A table 4-8. */
		entry_link(m, slot, pd, PTE_P, true);
	}
}

/* The PD that hangs under one PDPTE; PAE alone. */
static struct shadow *pd_of(struct mmu_vcpu *v, u32 i)
{
	u64 spte = *spte_at(v->mmu, slot_make(v->pae_root, i));

	return spte ? &v->mmu->shadows[spte_child(v->mmu, spte)] : NULL;
}

void root_let_go(struct mmu_vcpu *v, u64 gfn)
{
	if (v->mode != PAGING_PAE)
		return;
	for (u32 i = 0; i < 4; i++) {
		const struct shadow *pd = pd_of(v, i);

		if (pd && pd->gfn == gfn)
			set_pdpte(v, i, shadow_get(v, NO_GFN, pd->role));
	}
}

void root_take_back(struct mmu_vcpu *v, u32 i, u64 gfn)
{
	const struct shadow *pd = pd_of(v, i);

	if (v->mode == PAGING_PAE && pd->gfn == NO_GFN)
		set_pdpte(v, i, shadow_get(v, gfn, pd->role));
}

static void load_pae_root(struct mmu_vcpu *v)
{
	union role role = root_role(v);

	if (v->mode == PAGING_OFF)
		role = (union role){.level = 2, .format = GPTE_PAE, .direct = 1};
	for (u32 i = 0; i < 4; i++) {
		u64 gfn = (u32)v->regs.cr3 >> PAGE_SHIFT;

		if (v->mode == PAGING_OFF) {
			gfn = i * (GIB(1) >> PAGE_SHIFT);
		} else if (v->mode == PAGING_32) {
			role.quadrant = i;
		} else if (!(v->regs.pdpte[i] & PTE_P)) {
			set_pdpte(v, i, 0);
			continue;
		} else {
			gfn = (v->regs.pdpte[i] & PTE_ADDR) >> PAGE_SHIFT;
		}
		set_pdpte(v, i, shadow_get(v, gfn, role));
	}
}

static void set_root(struct mmu_vcpu *v, u32 root)
{
	struct mmu *m = v->mmu;

	if (root == v->root)
		return;
	m->shadows[root].pins++;
	if (v->root)
		m->shadows[v->root].pins--;
	v->root = root;
	v->pins = &m->shadows[root].pins;
	v->hw.root = table_hpa(m, root);
	v->hw.reload_root = true;
}

static void load_root(struct mmu_vcpu *v)
{
	u32 old = v->root;

	v->hw.due = true;
	if (v->mode < PAGING_4LEVEL) {
		load_pae_root(v);
		set_root(v, v->pae_root);
		return;
	}
	set_root(v, shadow_get(v, (v->regs.cr3 & PTE_ADDR) >> PAGE_SHIFT,
			       (union role){.word = v->cr3_role}));
	for (u32 i = 0; old == v->pae_root && i < 4; i++)
		set_pdpte(v, i, 0);
}

void mmu_set_regs(struct mmu_vcpu *v, const struct paging_regs *regs)
{
	v->regs = *regs;
	v->mode = paging_mode(regs);
	v->cr3_role = v->mode >= PAGING_4LEVEL ? root_role(v).word : 0;
	v->mmu->work = 0;
	forget_recent(v->mmu);
	/* What the registers allow is part of what is remembered. */
	v->memo.ways = 0;
	v->cr3_ignored = (PAGE_SIZE - 1) | (regs->cr4 & CR4_PCIDE ? CR3_NOFLUSH : 0);
	op_begin(v->mmu);
	need_flush(v->mmu);
	load_root(v);
	resync_all(v, false);
	settle(v);
}

/* The root for CR3, of those that are there, or 0. With a bit over MAXPHYADDR it names no RAM. */
static inline u32 find_root(const struct mmu_vcpu *v, u64 cr3)
{
	const struct mmu *m = v->mmu;
	u64 gfn = cr3 >> PAGE_SHIFT;
	u32 root;

	if (unlikely(gfn >= m->nr_frames))
		return 0;
	root = m->frames[gfn].state & FRAME_TABLES;
	while (root && m->shadows[root].role.word != v->cr3_role)
		root = m->shadows[root].next;
	return root;
}

/* The root that was just loaded is found at once the next time, if it is as invariant 22 has it. */
static inline void remember_root(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;

	if (unlikely(v->hw.filter_present != m->bypass)) {
		forget_recent(m);
		return;
	}
	v->recent_now[v->regs.cr3 / PAGE_SIZE % MMU_RECENT] = (struct mmu_recent){
		.cr3 = v->regs.cr3 | v->cr3_ignored,
		.hpa = v->hw.root,
		.pins = v->pins,
		.root = v->root,
	};
	m->shadows[v->root].recent = true;
	m->recents = true;
}

bool mmu_switch_cr3(struct mmu_vcpu *v, u64 cr3)
{
	struct mmu *m = v->mmu;
	u32 root;

	if (mmu_switch_recent(v, cr3))
		return true;
	cr3 &= ~(v->cr3_ignored & CR3_NOFLUSH);
	if (unlikely(has_work(v)))
		return false;
	root = find_root(v, cr3);
	if (unlikely(!root || m->shadows[root].stale))
		return false;
	/* An operation of its own, which holds nothing: the clock is what the list of tables in use goes by. */
	m->clock++;
	if (m->clock - m->shadows[root].moved >= RECENT_OPS)
		shadow_used(m, root);
	set_root(v, root);
	v->regs.cr3 = cr3;
	/* Of one CPU, everything is forgotten. */
	m->stale_ways &= m->nr_vcpus > 1;
	say_hardware(v);
	remember_root(v);
	return true;
}

/* The root has been made in this operation, or was stale: it was brought up to date. */
static bool root_was_made(const struct mmu_vcpu *v)
{
	return v->mmu->shadows[v->root].synced == v->mmu->operations;
}

void load_cr3(struct mmu_vcpu *v, u64 cr3)
{
	u64 last = v->mode >= PAGING_4LEVEL ? v->mmu->shadows[v->root].gfn : NO_GFN;
	bool is_new;

	v->regs.cr3 = cr3;
	v->mmu->work = 0;
	if (v->mode == PAGING_OFF)
		return;
	op_begin(v->mmu);
	/* The root first: it has to be right, and of the others as many as there is time for then. */
	load_root(v);
	is_new = root_was_made(v);
	resync_all(v, false);
	if (is_new)
		root_is_new(v, last);
	settle(v);
}

void mmu_set_cr3(struct mmu_vcpu *v, u64 cr3)
{
	v->hw.flush = MMU_FLUSH_ALL;
	v->hw.due = true;
	if (mmu_switch_cr3(v, cr3))
		v->hw.reload_root = true;
	else
		load_cr3(v, cr3);
}
