/* SPDX-License-Identifier: MIT */
/*
 * As mprotect() does: W is taken away from pages side by side, and given back, all in one table, which is flushed once
 * then. Most lines of the table have changed in W alone; some in one entry more, and some page is a table in between.
 */
#include "arch/cpu.h"
#include "tests/host/random_guest.h"

/* Two lines of a shadow table's, and a part of one: with the first writes the table is in sync still. */
#define PAGES 20
#define LINE  8

struct range {
	u64 gva;
	u64 leaf; /* where the first entry is */
	u64 entry[PAGES];
	u32 size;
};

static bool store_one(struct random_guest *g, struct range *r, u32 i, u64 entry)
{
	r->entry[i] = entry;
	return !gt_full(&g->sim.tlb) && random_store(g, r->leaf + (u64)i * r->size, entry);
}

static bool map_all(struct random_guest *g, struct range *r)
{
	u64 flags = PTE_P | PTE_W | PTE_A | PTE_D | (one_in(g->r, 4) ? 0 : PTE_U);

	for (u32 i = 0; i < PAGES; i++) {
		u64 page = random_frame(g);

		if (random_is_32(g) && page >> 32)
			page = g->frame[0];
		if (!store_one(g, r, i, page | flags))
			return false;
		sim_invlpg(&g->sim, r->gva + i * PAGE_SIZE);
	}
	return true;
}

static void use_some(struct random_guest *g, const struct range *r)
{
	for (u32 n = rnd(g->r, 6); n > 0 && !gt_full(&g->sim.tlb); n--)
		random_touch(g, r->gva + rnd(g->r, PAGES) * PAGE_SIZE, one_in(g->r, 2));
}

/* What else may happen to one of the entries. */
static u64 changed(struct random_guest *g, u64 entry)
{
	static const u64 bits[] = {
		PTE_U, PTE_A, PTE_D, PTE_P, PTE_G, PTE_PWT, PTE_NX, BIT(PTE_PK_SHIFT), BIT(55)};

	if (one_in(g->r, 4))
		return (entry & (PAGE_SIZE - 1)) | (u32)random_frame(g);
	return entry ^ bits[rnd(g->r, random_is_32(g) ? 6 : sizeof(bits) / sizeof(bits[0]))];
}

static bool turn_all(struct random_guest *g, struct range *r)
{
	bool odd = one_in(g->r, 2);

	for (u32 i = 0; i < PAGES; i++) {
		u64 entry = r->entry[i] ^ PTE_W;

		if (!store_one(g, r, i, odd && one_in(g->r, 10) ? changed(g, entry) : entry))
			return false;
	}
	return true;
}

/* INVLPG of each page, or all at once; or not yet. */
static void flush(struct random_guest *g, const struct range *r)
{
	u32 how = rnd(g->r, 8);

	if (how < 5)
		sim_set_cr3(&g->sim, g->sim.regs.cr3);
	for (u32 i = 0; how < 2 && i < PAGES; i++)
		sim_invlpg(&g->sim, r->gva + i * PAGE_SIZE);
}

/*
 * W goes, and then the entries, or their table's link, and a page becomes a table: nothing flushes, so that a TLB may have
 * all as it was.
 */
static void unmap_unflushed(struct random_guest *g, struct range *r, u64 other_gva)
{
	u64 page = r->entry[rnd(g->r, PAGES)] & PTE_ADDR, link = random_lead_to(g, r->gva, 2);
	bool unlink = one_in(g->r, 2);

	for (u32 i = 0; i < PAGES; i++) {
		if (one_in(g->r, 4) && !store_one(g, r, i, r->entry[i] & ~PTE_W))
			return;
	}
	for (u32 i = 0; i < PAGES && !unlink; i++) {
		if (!store_one(g, r, i, 0))
			return;
	}
	if (gt_full(&g->sim.tlb) || (unlink && (!link || !random_store(g, link, 0))))
		return;
	random_use_as_table(g, other_gva, page);
	use_some(g, r);
	sim_check(&g->sim);
}

void random_protect(struct random_guest *g)
{
	struct sim *s = &g->sim;
	struct range r = {.size = ref_entry_size(&s->guest)};
	bool own = !one_in(g->r, 4);
	u64 region = random_is_32(g) ? MIB(4) : MIB(2), link = 0;

	if (s->guest.mode == REF_OFF || (own && !random_own_process(g)))
		return;
	r.gva = rnd(g->r, 61) * LINE * PAGE_SIZE + (own ? 0 : rnd(g->r, 4) * MIB(2));
	r.leaf = random_lead_to(g, r.gva, 1);
	if (!r.leaf || gt_full(&s->tlb) || !map_all(g, &r))
		return;
	for (u32 turns = 2 + rnd(g->r, 4); turns > 0; turns--) {
		use_some(g, &r);
		if (gt_full(&s->tlb) || !turn_all(g, &r))
			return;
		flush(g, &r);
		if (one_in(g->r, 3))
			sim_check(s);
		if (link && !gt_full(&s->tlb) && random_store(g, link, 0))
			link = 0;
		else if (!link && one_in(g->r, 3) && !gt_full(&s->tlb))
			link = random_use_as_table(g, r.gva ^ region,
						   r.entry[rnd(g->r, PAGES)] & PTE_ADDR);
	}
	use_some(g, &r);
	if (one_in(g->r, 2) && !gt_full(&s->tlb))
		unmap_unflushed(g, &r, r.gva ^ region);
}
