/* SPDX-License-Identifier: MIT */
/* The guest's own page walk: SDM vol. 3A 4.3 to 4.8. */
#include "mm/guest/walk.h"

#include "arch/string.h"
#include "mm/phys/phys.h"

/* Bytes of memory in a range. */
static u64 memory_in(const struct memmap *memory, u64 start, u64 end)
{
	u64 size = 0;

	for (u32 i = 0; i < memory->count; i++) {
		const struct memmap_range *r = &memory->range[i];
		u64 from = r->start > start ? r->start : start, to = r->end < end ? r->end : end;

		if (r->type == MEMMAP_RAM && from < to)
			size += to - from;
	}
	return size;
}

static void range_add(struct guest_paging *g, const struct memmap *memory, u64 start, u64 end)
{
	u64 size = memory_in(memory, start, end);
	u32 i = g->nr_ranges++;

	for (; i && memory_in(memory, g->range[i - 1].start,
			      g->range[i - 1].start + g->range[i - 1].size) < size;
	     i--)
		g->range[i] = g->range[i - 1];
	g->range[i].start = start;
	g->range[i].size = end - start;
}

void guest_paging_init(struct guest_paging *g, const struct paging_features *features,
		       const struct memmap *map, const struct memmap *memory)
{
	*g = (struct guest_paging){.features = *features, .map = map};
	for (u32 i = 0; i < map->count; i++) {
		u64 start = ALIGN_UP(map->range[i].start, PAGE_SIZE);
		u64 end = ALIGN_DOWN(map->range[i].end, PAGE_SIZE);

		if (map->range[i].type == MEMMAP_RAM && start < end)
			range_add(g, memory, start, end);
	}
	for (u32 kind = 0; kind < NR_GPTE_KINDS; kind++) {
		enum gpte_format format = (enum gpte_format)(kind / 4);

		for (int level = 1; level < PAGING_LEVELS; level++) {
			for (u32 ps = 0; ps < 2; ps++)
				g->reserved[kind][level][ps] =
					gpte_reserved(features, format, level, ps ? PTE_PS : 0,
						      kind & 2, kind & 1);
		}
	}
}

int guest_read_pdptes(const struct guest_paging *g, u64 cr3, u64 pdpte[4])
{
	u64 reserved = GENMASK(63, g->features.maxphyaddr) | GENMASK(2, 1) | GENMASK(8, 5);
	const volatile u64 *table;
	int result = 0;

	memset(pdpte, 0, 4 * sizeof(*pdpte));
	if (!guest_is_ram(g, (u32)cr3))
		return -1;
	table = phys_ptr(cr3 & GENMASK(31, 5));
	for (u32 i = 0; i < 4; i++) {
		pdpte[i] = table[i];
		if ((pdpte[i] & PTE_P) && (pdpte[i] & reserved))
			result = -1;
	}
	return result;
}

/* Set A in the entries from the top to `last`, and D in that; false when one changed under the walk. */
static bool set_accessed_dirty(struct walk *w, enum gpte_format format, u64 gva, int last,
			       bool dirty)
{
	for (int level = w->top; level >= last; level--) {
		u64 bits = PTE_A | (dirty && level == last ? PTE_D : 0);

		if ((w->gpte[level] & bits) == bits)
			continue;
		if (!guest_cmpxchg((w->table[level] << PAGE_SHIFT) +
					   gpte_index(format, level, gva) * gpte_size(format),
				   w->gpte[level], w->gpte[level] | bits, gpte_size(format)))
			return false;
		w->gpte[level] |= bits;
		w->set |= 1u << level;
	}
	return true;
}

bool guest_fetch_shown(const struct paging_regs *r)
{
	return (r->cr4 & CR4_SMEP) || ((r->efer & EFER_NXE) && paging_mode(r) >= PAGING_PAE);
}

/*
 * With neither SMEP nor NXE the hardware's error code does not tell a fetch from a read (SDM vol. 3A
 * 4.7), and SMAP and keys are for reads alone. So a fault that the hardware did not raise for them, and that
 * its address does not tell from a fetch either, gets the leaf that a fetch may use; a read then faults on it
 * again, and says why.
 */
static bool may_be_fetch(const struct paging_regs *r, const struct mmu_fault *access)
{
	u32 pfec = access->pfec;

	if ((pfec & PFEC_W) || access->data || guest_fetch_shown(r))
		return false;
	if (pfec & PFEC_U)
		return !(pfec & PFEC_PK);
	return (pfec & (PFEC_P | PFEC_RSVD)) != PFEC_P;
}

/* The rights of the whole walk against the access; 0, or the error code's P, and PK, bits. */
static u32 check_rights(const struct paging_regs *r, const struct mmu_fault *access, bool fetch,
			u64 rights, u64 leaf)
{
	u64 cr4 = r->cr4;
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
		allowed = (!write || (rights & PTE_W) || !(r->cr0 & CR0_WP)) &&
			  (!(rights & PTE_U) || !(cr4 & CR4_SMAP) || access->ac);
	if ((rights & PTE_U) && (cr4 & CR4_PKE) && (r->efer & EFER_LMA)) {
		u32 key = access->pkru >> 2 * ((leaf & PTE_PK) >> PTE_PK_SHIFT);

		if ((key & 1) || (write && (key & 2) && (user || (r->cr0 & CR0_WP))))
			pk = PFEC_P | PFEC_PK;
	}
	return (allowed ? 0 : PFEC_P) | pk;
}

/* The error code's bits that depend on the access alone. */
static u32 access_pfec(const struct paging_regs *r, const struct mmu_fault *access)
{
	return access->pfec & (PFEC_W | PFEC_U | (guest_fetch_shown(r) ? PFEC_I : 0));
}

static void walk_fault(struct walk *w, u32 pfec)
{
	w->fault = true;
	w->pfec = pfec;
}

/* An entry has changed under this pass. True when it was the last one that there may be. */
static bool was_last_pass(struct walk *w, u32 base)
{
	if (++w->passes < GUEST_WALK_PASSES)
		return false;
	walk_fault(w, base | PFEC_P | PFEC_RSVD);
	return true;
}

bool guest_walk(const struct guest_paging *g, const struct paging_regs *r,
		const struct mmu_fault *access, struct walk *w)
{
	enum paging_mode mode = paging_mode(r);
	enum gpte_format format = paging_format(mode);
	bool nxe = r->efer & EFER_NXE, pse = r->cr4 & CR4_PSE;
	u64 gva = access->gva, rights = PTE_W | PTE_U, gfn = (r->cr3 & PTE_ADDR) >> PAGE_SHIFT;
	u32 base = access_pfec(r, access), denied;
	bool fetch = (access->pfec & PFEC_I) || (w->by_hardware && may_be_fetch(r, access));
	u32 kind = gpte_kind(format, nxe, pse);
	u64 all = ~0ULL;
	int level;

	w->fault = false;
	w->set = 0;
	switch (mode) {
	case PAGING_32:
		gfn = (u32)r->cr3 >> PAGE_SHIFT;
		level = 2;
		break;
	case PAGING_PAE:
		level = 2;
		w->level = 3;
		if (!(r->pdpte[(u32)gva >> 30] & PTE_P)) {
			w->top = 2;
			walk_fault(w, base);
			return true;
		}
		gfn = (r->pdpte[(u32)gva >> 30] & PTE_ADDR) >> PAGE_SHIFT;
		break;
	default:
		level = mode == PAGING_5LEVEL ? 5 : 4;
	}
	w->top = level;
	for (;; level--) {
		u64 gpte;

		w->level = level;
		w->table[level] = gfn;
		if (!guest_is_ram(g, gfn << PAGE_SHIFT)) {
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
			       set_accessed_dirty(w, format, gva, level + 1, false) ||
			       was_last_pass(w, base);
		}
		if (gpte & g->reserved[kind][level][!!(gpte & PTE_PS)]) {
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
	denied = check_rights(r, access, fetch, rights, w->gpte[level]);
	if (denied) {
		walk_fault(w, base | denied);
		return true;
	}
	w->gpa = gpte_leaf_addr(format, level, w->gpte[level]) |
		 (gva & (gpte_leaf_size(format, level) - 1));
	if ((all & PTE_A) && (!(access->pfec & PFEC_W) || (w->gpte[level] & PTE_D)))
		return true;
	return set_accessed_dirty(w, format, gva, level, access->pfec & PFEC_W) ||
	       was_last_pass(w, base);
}
