/* SPDX-License-Identifier: MIT */
/* The window by which the guest writes to its tables, and the roots that have it. */
#include "arch/cpu.h"
#include "tests/host/random_guest.h"
#include "tests/host/sim_mem.h"

/* The window: where every address space should map all of frame[] for the supervisor. */
#define WINDOW_64   0xfffff8003e000000ULL /* indices 0x1f0, 0, 0x1f0, 0 */
#define WINDOW_PAE  0xfe000000ULL         /* 3, 0x1f0, 0 */
#define WINDOW_32   0xfc000000ULL         /* 0x3f0, 0 */
#define WINDOW_SLOT 0x1f0

/* The window's tables. */
enum { W_PML4 = RANDOM_WINDOW, W_PDPT, W_PD, W_PT, W_PT32 };

#define WINDOW_FLAGS (PTE_P | PTE_W)

u64 random_window(const struct random_guest *g, u32 frame)
{
	static const u64 base[] = {[REF_32] = WINDOW_32,
				   [REF_PAE] = WINDOW_PAE,
				   [REF_4LEVEL] = WINDOW_64,
				   [REF_5LEVEL] = WINDOW_64};

	if (g->sim.guest.mode == REF_OFF)
		return g->frame[frame];
	return base[g->sim.guest.mode] + frame * PAGE_SIZE;
}

bool random_store_at(struct random_guest *g, u32 frame, u32 offset, u64 value, u32 size)
{
	struct ref_access a = {.gva = random_window(g, frame) + offset, .write = true, .ac = true};
	u64 data[2] = {value, rnd64(g->r)};
	u32 pfec;

	if (!ref_canonical(&g->sim.guest, a.gva))
		return false;
	if (one_in(g->r, 64))
		return sim_emulate(&g->sim, &a, data, size, &pfec) == SIM_DONE;
	return sim_access(&g->sim, &a, data, size, &pfec) == SIM_DONE;
}

u32 random_frame_index(const struct random_guest *g, u64 gpa)
{
	for (u32 i = 0; i < RANDOM_FRAMES; i++)
		if (g->frame[i] == (gpa & ~0xfffULL))
			return i;
	return RANDOM_FRAMES;
}

bool random_store(struct random_guest *g, u64 gpa, u64 value)
{
	u32 frame = random_frame_index(g, gpa);

	return frame < RANDOM_FRAMES &&
	       random_store_at(g, frame, gpa & 4095, value, ref_entry_size(&g->sim.guest));
}

/* What a root table needs to have the window, in this mode. */
static void root_slot(const struct random_guest *g, enum ref_mode mode, u32 *index, u64 *entry)
{
	static const u32 table[] = {
		[REF_32] = W_PT32, [REF_PAE] = W_PD, [REF_4LEVEL] = W_PDPT, [REF_5LEVEL] = W_PML4};
	static const u32 slot[] = {[REF_32] = 2 * WINDOW_SLOT + 0x10,
				   [REF_PAE] = 3,
				   [REF_4LEVEL] = WINDOW_SLOT,
				   [REF_5LEVEL] = 511};

	*index = slot[mode];
	*entry = g->frame[table[mode]] | (mode == REF_PAE ? PTE_P : WINDOW_FLAGS);
}

u32 random_low_root(struct random_guest *g)
{
	u32 i;

	do
		i = one_in(g->r, 2) ? rnd(g->r, 4) : rnd(g->r, RANDOM_COW);
	while (g->frame[i] >> 32);
	return i;
}

bool random_prepare_root(struct random_guest *g, u32 root, enum ref_mode mode)
{
	u32 size = mode == REF_32 ? 4 : 8, index;
	u64 entry;

	root_slot(g, mode, &index, &entry);
	if (!random_store_at(g, root, index * size, entry, size))
		return false;
	for (u32 i = 0; mode == REF_PAE && i < 3; i++)
		if (one_in(g->r, 2) &&
		    !random_store_at(g, root, i * 8, g->frame[rnd(g->r, 8)] | PTE_P, 8))
			return false;
	return true;
}

u32 random_new_root(struct random_guest *g)
{
	u32 root = random_low_root(g);

	return random_prepare_root(g, root, g->sim.guest.mode) ? root : RANDOM_FRAMES;
}

void random_mend_window(struct random_guest *g)
{
	random_store_at(g, W_PML4, WINDOW_SLOT * 8, g->frame[W_PDPT] | WINDOW_FLAGS, 8);
	random_store_at(g, W_PDPT, 0, g->frame[W_PD] | WINDOW_FLAGS, 8);
	random_store_at(g, W_PD, WINDOW_SLOT * 8, g->frame[W_PT] | WINDOW_FLAGS, 8);
	for (u32 i = 0; i < RANDOM_FRAMES; i++) {
		u64 entry = g->frame[i] | WINDOW_FLAGS;

		random_store_at(g, W_PT, i * 8, entry | now_and_then(g, PTE_A, 2), 8);
		if (!(entry >> 32))
			random_store_at(g, W_PT32, i * 4, entry, 4);
	}
}

void random_set_window(struct random_guest *g)
{
	for (u32 i = 0; i < RANDOM_FRAMES; i++) {
		sim_poke(&g->sim, g->frame[W_PT] + i * 8, g->frame[i] | WINDOW_FLAGS, 8);
		if (!(g->frame[i] >> 32))
			sim_poke(&g->sim, g->frame[W_PT32] + i * 4, g->frame[i] | WINDOW_FLAGS, 4);
	}
	sim_poke(&g->sim, g->frame[W_PML4] + WINDOW_SLOT * 8, g->frame[W_PDPT] | WINDOW_FLAGS, 8);
	sim_poke(&g->sim, g->frame[W_PDPT], g->frame[W_PD] | WINDOW_FLAGS, 8);
	sim_poke(&g->sim, g->frame[W_PD] + WINDOW_SLOT * 8, g->frame[W_PT] | WINDOW_FLAGS, 8);
}
