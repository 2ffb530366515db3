/* SPDX-License-Identifier: MIT */
/* A guest that does random things with its page tables; see random_guest.h. */
#include "tests/host/random_guest.h"
#include "arch/cpu.h"
#include "tests/host/sim_mem.h"
#include <string.h>

/* The window: where every address space should map all of frame[] for the supervisor. */
#define WINDOW_64   0xfffff8003e000000ULL /* indices 0x1f0, 0, 0x1f0, 0 */
#define WINDOW_PAE  0xfe000000ULL         /* 3, 0x1f0, 0 */
#define WINDOW_32   0xfc000000ULL         /* 0x3f0, 0 */
#define WINDOW_SLOT 0x1f0

/* The window's tables: the last frames of frame[]. */
enum { W_PML4 = RANDOM_FRAMES - 5, W_PDPT, W_PD, W_PT, W_PT32, NR_PLAIN = RANDOM_COW };

#define WINDOW_FLAGS (PTE_P | PTE_W)

/* Each kind of table entry has few indices in use, so that things meet. */
u32 random_index(struct rnd *r, u32 entries)
{
	u32 i = rnd(r, 8);

	return i < 6 ? i / 2 : entries - 1 - (i - 6);
}

/* The same frames more often than others. */
u64 random_frame(struct random_guest *g)
{
	return g->frame[one_in(g->r, 4) ? rnd(g->r, NR_PLAIN) : rnd(g->r, 10)];
}

bool random_is_32(const struct random_guest *g)
{
	return g->sim.guest.mode == REF_32;
}

/* --- entries ------------------------------------------------------------------------------------ */

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

static u64 some_address(struct random_guest *g)
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
	u64 entry = some_address(g) | some_flags(g);

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

/* --- the window --------------------------------------------------------------------------------- */

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

static u32 low_root(struct random_guest *g)
{
	u32 i;

	do
		i = one_in(g->r, 2) ? rnd(g->r, 4) : rnd(g->r, NR_PLAIN);
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
	u32 root = low_root(g);

	return random_prepare_root(g, root, g->sim.guest.mode) ? root : RANDOM_FRAMES;
}

/* --- modes -------------------------------------------------------------------------------------- */

static u64 now_and_then(struct random_guest *g, u64 bits, u32 n)
{
	return one_in(g->r, n) ? bits : 0;
}

/* There is no CPU with SMEP, SMAP or keys, but without NX. */
u64 random_cr4(const struct random_guest *g, u64 cr4)
{
	return g->sim.config.features.nx ? cr4 : cr4 & ~(CR4_SMEP | CR4_SMAP | CR4_PKE);
}

/* Through paging off, as a real CPU must, into another mode or the same. */
static void switch_mode(struct random_guest *g)
{
	struct sim *s = &g->sim;
	struct rnd *r = g->r;
	enum ref_mode mode = rnd(r, 12) % 5;
	u64 cr4 = s->regs.cr4 & ~(CR4_PAE | CR4_LA57 | CR4_PCIDE);
	u64 cr0 = CR0_PG | 1, cr3, efer = 0;
	u32 root = low_root(g);

	/* The window's own entries again, should they be spoilt. */
	sim_set_regs(s, s->regs.cr0 & ~CR0_PG, s->regs.cr3, cr4, s->regs.efer & ~EFER_LMA, true);
	if (mode == REF_OFF)
		return;
	if (mode == REF_5LEVEL && !g->allow_5level)
		mode = REF_4LEVEL;
	if (s->stats.steps && one_in(r, 8)) {
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
	random_prepare_root(g, root, mode);
	cr3 = g->frame[root] | now_and_then(g, 0x18, 4);
	cr0 |= now_and_then(g, CR0_WP, 2);
	cr4 ^= now_and_then(g, CR4_PSE, 3) | now_and_then(g, CR4_PGE, 3) |
	       now_and_then(g, CR4_SMEP, 3) | now_and_then(g, CR4_SMAP, 3) |
	       now_and_then(g, CR4_PKE, 3);
	cr4 = random_cr4(g, cr4);
	if (s->config.features.nx)
		efer |= now_and_then(g, EFER_NXE, 2);
	if (mode >= REF_PAE)
		cr4 |= CR4_PAE;
	if (mode >= REF_4LEVEL) {
		efer |= EFER_LMA;
		cr4 |= now_and_then(g, CR4_PCIDE, 2);
	}
	if (mode == REF_5LEVEL)
		cr4 |= CR4_LA57;
	if (mode == REF_32 && one_in(r, 4))
		cr4 |= CR4_PSE;
	sim_set_regs(s, cr0, cr3, cr4, efer, true);
}

static void toggle(struct random_guest *g)
{
	static const u64 cr4_bits[] = {CR4_SMEP, CR4_SMAP, CR4_PKE, CR4_PGE, CR4_PSE};
	struct sim *s = &g->sim;
	u64 cr0 = s->regs.cr0, cr4 = s->regs.cr4, efer = s->regs.efer;
	u32 which = rnd(g->r, 12);

	if (which < 5)
		cr4 ^= cr4_bits[which];
	else if (which == 5 && s->config.features.nx)
		efer ^= EFER_NXE;
	else
		cr0 ^= CR0_WP;
	cr4 = random_cr4(g, cr4);
	/* What SDM 4.10.4.1 does not name, the guest flushes itself before it goes on. */
	if (sim_set_regs(s, cr0, s->regs.cr3, cr4, efer, false))
		return;
	if (which == 4 || which == 5)
		sim_set_cr3(s, s->regs.cr3);
}

static void load_cr3(struct random_guest *g)
{
	struct sim *s = &g->sim;
	u32 root = low_root(g);
	u64 cr3;

	if (s->guest.mode == REF_OFF || one_in(g->r, 2)) {
		sim_set_cr3(s, s->regs.cr3);
		return;
	}
	if (!one_in(g->r, 8))
		random_prepare_root(g, root, s->guest.mode);
	cr3 = g->frame[root] | now_and_then(g, 0x18, 4);
	if (one_in(g->r, 64))
		cr3 = some_address(g) & 0xfffff000;
	else if (s->guest.mode == REF_PAE && one_in(g->r, 8))
		cr3 |= 0x20;
	if (s->regs.cr4 & CR4_PCIDE)
		cr3 |= rnd(g->r, 3) | now_and_then(g, CR3_NOFLUSH, 2);
	sim_set_cr3(s, cr3);
}

/* --- accesses ----------------------------------------------------------------------------------- */

u64 random_mask(const struct random_guest *g)
{
	return g->sim.guest.mode < REF_4LEVEL ? 0xffffffff : ~0ULL;
}

static u64 any_gva(struct random_guest *g)
{
	struct rnd *r = g->r;
	u64 gva, high;

	if (one_in(r, 16))
		return random_window(g, rnd(r, RANDOM_FRAMES)) & random_mask(g);
	switch (g->sim.guest.mode) {
	case REF_OFF:
		return some_address(g) & 0xfffff000;
	case REF_32:
		return (u64)random_index(r, 1024) << 22 | (u64)random_index(r, 1024) << 12;
	case REF_PAE:
		return (u64)rnd(r, 4) << 30 | (u64)random_index(r, 512) << 21 |
		       (u64)random_index(r, 512) << 12;
	default:
		break;
	}
	gva = (u64)rnd(r, 2) << 30 | (u64)random_index(r, 512) << 21 |
	      (u64)random_index(r, 512) << 12;
	high = one_in(r, 4) ? 511 : rnd(r, 2);
	gva |= high << 39;
	if (g->sim.guest.mode == REF_5LEVEL) {
		high = one_in(r, 4) ? 511 : rnd(r, 2);
		gva |= high << 48;
		return high & 256 ? gva | GENMASK(63, 57) : gva;
	}
	return high & 256 ? gva | GENMASK(63, 48) : gva;
}

/* Mostly one of a few pages, so that what is done to one of them meets. */
u64 random_gva(struct random_guest *g)
{
	u64 *page = &g->page[rnd(g->r, ARRAY_SIZE(g->page))];

	if (one_in(g->r, 16) || !ref_canonical(&g->sim.guest, *page))
		*page = any_gva(g);
	return *page;
}

static void some_access(struct random_guest *g, u64 gva, struct ref_access *a)
{
	struct rnd *r = g->r;
	u32 kind = rnd(r, 5);

	*a = (struct ref_access){.gva = gva};
	a->write = kind == 1 || kind == 2;
	a->fetch = kind == 3;
	a->user = one_in(r, 2);
	a->ac = !a->user && one_in(r, 2);
	/* Most keys are open. */
	a->pkru = one_in(r, 2) ? 0 : rnd(r, 256);
}

/* The guest's handler: mends the entry that the walk ends at, and gives it every right. */
bool random_mend(struct random_guest *g, const struct ref_access *a)
{
	const struct ref_cpu *cpu = &g->sim.guest;
	struct ref_path path;
	enum ref_kind kind = ref_start(cpu, a->gva, &path);
	u32 size = ref_entry_size(cpu), frame;
	u64 gpa = 0, entry = 0;
	int level = 0;

	while (kind == REF_TABLE) {
		gpa = ref_entry_addr(cpu, &path, a->gva);
		entry = sim_read(gpa, size);
		level = path.level;
		kind = ref_next(cpu, &path, a->gva, entry);
	}
	frame = random_frame_index(g, gpa);
	if (!level || frame == RANDOM_FRAMES)
		return false;
	if (one_in(g->r, 8)) {
		entry ^= 1ULL << rnd(g->r, random_is_32(g) ? 32 : 64);
	} else if (kind == REF_LEAF && one_in(g->r, 2)) {
		entry |= PTE_W | PTE_U | PTE_A | now_and_then(g, PTE_D, g->tidy ? 1 : 2);
		entry &= ~(random_is_32(g) ? 0 : PTE_NX);
	} else {
		entry = (level > 1 && one_in(g->r, 3) ? MIB(2) | PTE_PS : random_frame(g)) | PTE_P |
			PTE_W | now_and_then(g, PTE_A, 2) |
			now_and_then(g, PTE_D, g->tidy ? 1 : 2) | (one_in(g->r, 4) ? 0 : PTE_U);
	}
	return random_store_at(g, frame, gpa & 4095, entry, size);
}

static void do_access_at(struct random_guest *g, u64 gva)
{
	static const u32 sizes[] = {1, 2, 4, 8, 8, 8, 16};
	struct ref_access a;
	u32 size = sizes[rnd(g->r, ARRAY_SIZE(sizes))], repeat = 1 + rnd(g->r, 3);
	u64 data[2];
	u32 pfec;

	some_access(g, gva, &a);
	a.gva += random_index(g->r, 512) * 8;
	if (one_in(g->r, 4))
		a.gva += rnd(g->r, 8);
	if ((a.gva & 4095) + size > 4096)
		a.gva -= size;
	for (u32 i = 0; i < repeat && !gt_full(&g->sim.tlb); i++) {
		data[0] = random_entry(g);
		data[1] = random_entry(g);
		if ((one_in(g->r, 16) ? sim_emulate : sim_access)(&g->sim, &a, data, size, &pfec) ==
		    SIM_DONE) {
			/* First one kind, then another. */
			if (!a.fetch)
				a.write = !one_in(g->r, 4);
			if (one_in(g->r, 2)) {
				a.ac = !a.user && one_in(g->r, 2);
				a.pkru = one_in(g->r, 2) ? 0 : rnd(g->r, 256);
			}
			continue;
		}
		if (one_in(g->r, 4) || !random_mend(g, &a))
			return;
		if (pfec & REF_PF_P && one_in(g->r, 2))
			sim_invlpg(&g->sim, a.gva);
	}
}

static void write_entries(struct random_guest *g)
{
	u32 entries = random_is_32(g) ? 1024 : 512, size = random_is_32(g) ? 4 : 8;
	u32 frame = one_in(g->r, 3) ? rnd(g->r, NR_PLAIN) : rnd(g->r, 10);
	u32 nr = one_in(g->r, 6) ? 2 + rnd(g->r, 12) : 1;
	u32 at = random_index(g->r, entries);
	u64 entry = random_entry(g);

	if (one_in(g->r, 24))
		frame = W_PML4 + rnd(g->r, 5);
	if (one_in(g->r, 16))
		size = 1 << rnd(g->r, 5);
	for (u32 i = 0; i < nr && !gt_full(&g->sim.tlb); i++) {
		u32 offset = at * (random_is_32(g) ? 4 : 8);

		if (one_in(g->r, 16))
			offset += rnd(g->r, 8);
		if (offset + size > 4096)
			offset = 4096 - size;
		if (!random_store_at(g, frame, offset, entry, size))
			return;
		at = (at + 1) % entries;
		if (one_in(g->r, 2))
			entry = random_entry(g);
	}
}

/* What the operating system does to a page: an entry on the way to it changes. */
void random_change_way(struct random_guest *g, u64 gva)
{
	const struct ref_cpu *cpu = &g->sim.guest;
	struct ref_path path;
	enum ref_kind kind = ref_start(cpu, gva, &path);
	u32 size = ref_entry_size(cpu), frame, nr = 0, at;
	u64 gpa[5], entry;

	while (kind == REF_TABLE) {
		gpa[nr] = ref_entry_addr(cpu, &path, gva);
		kind = ref_next(cpu, &path, gva, sim_read(gpa[nr++], size));
	}
	if (!nr)
		return;
	at = one_in(g->r, 2) ? nr - 1 : rnd(g->r, nr);
	frame = random_frame_index(g, gpa[at]);
	if (frame == RANDOM_FRAMES)
		return;
	entry = sim_read(gpa[at], size);
	switch (rnd(g->r, 8)) {
	case 0:
		entry = random_entry(g);
		break;
	case 1:
		entry &= ~PTE_W;
		break;
	case 2:
		entry &= ~PTE_D;
		break;
	case 3:
		entry &= ~PTE_A;
		break;
	case 4:
		entry ^= PTE_P;
		break;
	case 5:
		entry ^= PTE_U;
		break;
	default:
		entry = (entry & 0xfff) | random_frame(g);
	}
	random_store_at(g, frame, gpa[at] & 4095, entry, size);
}

/* A page is used, changed, perhaps flushed, and used again. */
static void use_and_change(struct random_guest *g)
{
	u64 gva = random_gva(g);

	do_access_at(g, gva);
	for (u32 i = rnd(g->r, 3); i > 0 && !gt_full(&g->sim.tlb); i--)
		random_change_way(g, gva);
	switch (rnd(g->r, 8)) {
	case 0:
		sim_set_cr3(&g->sim, g->sim.regs.cr3);
		break;
	case 1:
	case 2:
	case 3:
		sim_invlpg(&g->sim, gva);
		break;
	case 4:
		hw_speculate(&g->sim.hw, gva, g->r);
		break;
	default:
		break;
	}
	if (!gt_full(&g->sim.tlb))
		do_access_at(g, gva);
}

/* With WP=0 a supervisor writes a user's read-only page; that grants no other access. */
static void write_read_only(struct random_guest *g)
{
	struct sim *s = &g->sim;
	struct ref_access a = {.gva = random_gva(g), .write = true, .ac = true};
	struct ref_path path;
	enum ref_kind kind;
	u64 gpa = 0, data[2] = {0};
	u32 frame, pfec;

	if (sim_set_regs(s, s->regs.cr0 & ~CR0_WP, s->regs.cr3,
			 random_cr4(g, s->regs.cr4 | now_and_then(g, CR4_SMAP, 2) |
					       now_and_then(g, CR4_PKE, 2)),
			 s->regs.efer, false))
		return;
	for (kind = ref_start(&s->guest, a.gva, &path); kind == REF_TABLE;) {
		gpa = ref_entry_addr(&s->guest, &path, a.gva);
		kind = ref_next(&s->guest, &path, a.gva, sim_read(gpa, ref_entry_size(&s->guest)));
	}
	frame = random_frame_index(g, gpa);
	if (kind != REF_LEAF || !gpa || frame == RANDOM_FRAMES ||
	    !random_store_at(g, frame, gpa & 4095,
			     (sim_read(gpa, ref_entry_size(&s->guest)) & ~PTE_W) | PTE_U,
			     ref_entry_size(&s->guest)))
		return;
	sim_invlpg(s, a.gva);
	for (u32 i = 0; i < 6 && !gt_full(&s->tlb); i++) {
		sim_access(s, &a, data, 8, &pfec);
		a.write = one_in(g->r, 2);
		a.user = one_in(g->r, 4);
		a.ac = !a.user && one_in(g->r, 2);
		a.pkru = one_in(g->r, 2) ? 0 : rnd(g->r, 256);
	}
}

void random_touch(struct random_guest *g, u64 gva, bool write)
{
	struct ref_access a = {
		.gva = gva & random_mask(g), .write = write, .ac = true, .user = one_in(g->r, 4)};
	u64 data[2] = {0, 0};
	u32 pfec;

	if (!gt_full(&g->sim.tlb) && ref_canonical(&g->sim.guest, a.gva))
		sim_access(&g->sim, &a, data, 8, &pfec);
}

void random_step(struct random_guest *g)
{
	struct sim *s = &g->sim;
	u32 op = rnd(g->r, 64);

	s->stats.steps++;
	if (gt_full(&s->tlb)) {
		if (sim_set_cr3(s, s->regs.cr3))
			switch_mode(g);
		return;
	}
	if (g->pressure && one_in(g->r, 6))
		random_press(g);
	else if (s->config.devices && one_in(g->r, 8))
		random_device(g);
	else if (op < 2)
		random_table(g);
	else if (op < 4)
		random_space(g);
	else if (op < 16)
		write_entries(g);
	else if (op < 21)
		random_copy_entry(g);
	else if (op < 27)
		random_change_large(g);
	else if (op < 30)
		random_copy_on_write(g);
	else if (op < 36)
		use_and_change(g);
	else if (op < 46)
		do_access_at(g, random_gva(g));
	else if (op < 47)
		write_read_only(g);
	else if (op < 49)
		random_protect(g);
	else if (op < 50)
		sim_invlpg(s, random_gva(g));
	else if (op < 51)
		sim_invpcid(s, rnd(g->r, 4), random_gva(g));
	else if (op < 54)
		load_cr3(g);
	else if (op < 56)
		toggle(g);
	else if (op < 57)
		switch_mode(g);
	else if (op < 61)
		hw_speculate(&s->hw, random_gva(g), g->r);
	else if (op < 62)
		random_turn(g);
	else
		hw_evict(&s->hw, g->r);
	if (s->hw.error)
		sim_fail(s, "%s", s->hw.error);
	if (g->audit_period && s->stats.steps % g->audit_period == 0)
		sim_check(s);
}

void random_start(struct random_guest *g, const struct sim_config *c, struct rnd *r)
{
	g->r = r;
	g->audit_period = 1;
	g->pressure = !one_in(r, 4);
	g->tidy = !one_in(r, 3);
	g->next_root = 0;
	memset(g->page, 0, sizeof(g->page));
	sim_init(&g->sim, c, r);
	for (u32 i = 0; i < RANDOM_FRAMES; i++)
		g->frame[i] = MIB(2) + i * PAGE_SIZE;
	/* Some elsewhere: next to what is no RAM, next to the hypervisor, over 4 GiB. */
	g->frame[4] = KIB(640) - PAGE_SIZE;
	g->frame[7] = SIM_HIDDEN_START - PAGE_SIZE;
	if (c->high_ram)
		g->frame[9] = SIM_HIGH_START;
	g->frame[20] = MIB(1);
	g->frame[21] = SIM_HIDDEN_END;
	if (c->high_ram)
		g->frame[22] = SIM_HIGH_START + PAGE_SIZE;
	for (u32 i = W_PML4; i < RANDOM_FRAMES; i++)
		g->frame[i] = MIB(3) + i * PAGE_SIZE;
	for (u32 i = 0; i < RANDOM_FRAMES; i++) {
		sim_poke(&g->sim, g->frame[W_PT] + i * 8, g->frame[i] | WINDOW_FLAGS, 8);
		if (!(g->frame[i] >> 32))
			sim_poke(&g->sim, g->frame[W_PT32] + i * 4, g->frame[i] | WINDOW_FLAGS, 4);
	}
	sim_poke(&g->sim, g->frame[W_PML4] + WINDOW_SLOT * 8, g->frame[W_PDPT] | WINDOW_FLAGS, 8);
	sim_poke(&g->sim, g->frame[W_PDPT], g->frame[W_PD] | WINDOW_FLAGS, 8);
	sim_poke(&g->sim, g->frame[W_PD] + WINDOW_SLOT * 8, g->frame[W_PT] | WINDOW_FLAGS, 8);
	g->allow_5level = !one_in(r, 4);
	sim_set_regs(&g->sim, 1, 0, 0, 0, true);
	switch_mode(g);
}
