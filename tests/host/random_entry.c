/* SPDX-License-Identifier: MIT */
/* Values for the entries of page tables: mostly sensible, some at the edges of what there is. */
#include "arch/cpu.h"
#include "tests/host/random_guest.h"
#include "tests/host/sim_mem.h"

/* Where a page is mapped to, so that what is in use as data becomes a table. */
static u64 page_of(struct random_guest *g, u64 gva)
{
	const struct ref_cpu *cpu = &g->sim.guest;
	struct ref_path path;
	enum ref_kind kind = ref_start(cpu, gva, &path);

	while (kind == REF_TABLE) {
		u64 gpa = ref_entry_addr(cpu, &path, gva);

		kind = ref_next(cpu, &path, gva, sim_read(gpa, ref_entry_size(cpu)));
	}
	return kind == REF_LEAF ? ALIGN_DOWN(path.addr, PAGE_SIZE) : random_frame(g);
}

static const struct memmap_range watched[] = SIM_WATCHED, hidden[] = SIM_FAR_HIDDEN;

u64 random_address(struct random_guest *g)
{
	struct rnd *r = g->r;

	switch (rnd(r, 26)) {
	case 24:
		return watched[rnd(r, ARRAY_SIZE(watched))].start + rnd(r, 3) * PAGE_SIZE;
	case 25:
		return hidden[rnd(r, ARRAY_SIZE(hidden))].start + rnd(r, 3) * PAGE_SIZE;
	case 0:
		return g->frame[rnd(r, RANDOM_FRAMES)];
	case 7:
	case 8:
	case 9:
		return page_of(g, g->page[rnd(r, ARRAY_SIZE(g->page))]);
	case 1:
		return KIB(640) + rnd(r, 96) * PAGE_SIZE; /* no RAM */
	case 2:
		return SIM_HIDDEN_START + rnd(r, 1024) * PAGE_SIZE;
	case 3:
		return rnd(r, 4) * GIB(1);
	case 4:
	case 5:
		return rnd(r, 8) * MIB(2);
	case 6:
		return GENMASK(g->sim.config.features.maxphyaddr - 1, 12); /* the topmost frame */
	default:
		return random_frame(g);
	}
}

static u64 some_flags(struct random_guest *g)
{
	struct rnd *r = g->r;
	u64 f = PTE_P;

	f |= one_in(r, 4) ? 0 : PTE_W;
	f |= one_in(r, 4) ? 0 : PTE_U;
	f |= one_in(r, 3) ? 0 : PTE_A;
	f |= one_in(r, 2) && !(g->tidy && (f & PTE_W)) ? 0 : PTE_D;
	f |= one_in(r, 8) ? PTE_G : 0;
	f |= one_in(r, 16) ? PTE_PWT : 0;
	f |= one_in(r, 16) ? PTE_PCD : 0;
	if (random_is_32(g))
		return f;
	if (g->sim.guest.nxe ? one_in(r, 4) : one_in(r, 64))
		f |= PTE_NX;
	if (g->sim.guest.mode >= REF_4LEVEL && one_in(r, 4))
		f |= (u64)rnd(r, 4) << PTE_PK_SHIFT;
	return f;
}

/* A value for an entry of any level: mostly sensible. */
u64 random_entry(struct random_guest *g)
{
	struct rnd *r = g->r;
	u64 entry = random_address(g) | some_flags(g);

	switch (rnd(r, 16)) {
	case 0:
		return 0;
	case 1:
		return rnd64(r) & ~PTE_P;
	case 2:
		entry &= ~PTE_P;
		break;
	case 3:
		entry |= 1ULL << rnd(r, 64); /* reserved, perhaps */
		break;
	case 4:
	case 5:
	case 6:
		entry = (entry & ~GENMASK(20, 12)) | PTE_PS;
		entry |= one_in(r, 8) ? PTE_PAT_LARGE : 0;
		if (random_is_32(g) && one_in(r, 4))
			entry |= 1 << 13; /* PSE-36: at 4 GiB */
		break;
	case 7:
		entry |= PTE_PAT;
		break;
	default:
		break;
	}
	return entry;
}
