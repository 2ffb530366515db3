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
enum { W_PML4 = ENGINE_FRAMES - 5, W_PDPT, W_PD, W_PT, W_PT32 };

/* Before them the pages and the tables, from the root on, of own_process(). */
enum { P_DATA = ENGINE_FRAMES - 14, NR_DATA = 4, P_ROOT = P_DATA + NR_DATA, NR_PLAIN = P_DATA };

#define WINDOW_FLAGS (PTE_P | PTE_W)

/* Each kind of table entry has few indices in use, so that things meet. */
static u32 some_index(struct rnd *r, u32 entries)
{
	u32 i = rnd(r, 8);

	return i < 6 ? i / 2 : entries - 1 - (i - 6);
}

/* The same frames more often than others. */
u64 engine_frame(struct engine *e)
{
	return e->frame[one_in(e->r, 4) ? rnd(e->r, NR_PLAIN) : rnd(e->r, 10)];
}

static bool is_32(const struct engine *e)
{
	return e->sim.guest.mode == REF_32;
}

/* --- entries ------------------------------------------------------------------------------------ */

/* Where a page is mapped to, so that what is in use as data becomes a table. */
static u64 page_of(struct engine *e, u64 gva)
{
	const struct ref_cpu *cpu = &e->sim.guest;
	struct ref_path path;
	enum ref_kind kind = ref_start(cpu, gva, &path);

	while (kind == REF_TABLE) {
		u64 gpa = ref_entry_addr(cpu, &path, gva);

		kind = ref_next(cpu, &path, gva, sim_read(gpa, ref_entry_size(cpu)));
	}
	return kind == REF_LEAF ? ALIGN_DOWN(path.addr, PAGE_SIZE) : engine_frame(e);
}

static const struct memmap_range watched[] = SIM_WATCHED, hidden[] = SIM_FAR_HIDDEN;

static u64 some_address(struct engine *e)
{
	struct rnd *r = e->r;

	switch (rnd(r, 26)) {
	case 24:
		return watched[rnd(r, ARRAY_SIZE(watched))].start + rnd(r, 3) * PAGE_SIZE;
	case 25:
		return hidden[rnd(r, ARRAY_SIZE(hidden))].start + rnd(r, 3) * PAGE_SIZE;
	case 0:
		return e->frame[rnd(r, ENGINE_FRAMES)];
	case 7:
	case 8:
	case 9:
		return page_of(e, e->page[rnd(r, ARRAY_SIZE(e->page))]);
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
		return GENMASK(e->sim.config.features.maxphyaddr - 1, 12); /* the topmost frame */
	default:
		return engine_frame(e);
	}
}

static u64 some_flags(struct engine *e)
{
	struct rnd *r = e->r;
	u64 f = PTE_P;

	f |= one_in(r, 4) ? 0 : PTE_W;
	f |= one_in(r, 4) ? 0 : PTE_U;
	f |= one_in(r, 3) ? 0 : PTE_A;
	f |= one_in(r, 2) && !(e->tidy && (f & PTE_W)) ? 0 : PTE_D;
	f |= one_in(r, 8) ? PTE_G : 0;
	f |= one_in(r, 16) ? PTE_PWT : 0;
	f |= one_in(r, 16) ? PTE_PCD : 0;
	if (is_32(e))
		return f;
	if (e->sim.guest.nxe ? one_in(r, 4) : one_in(r, 64))
		f |= PTE_NX;
	if (e->sim.guest.mode >= REF_4LEVEL && one_in(r, 4))
		f |= (u64)rnd(r, 4) << PTE_PK_SHIFT;
	return f;
}

/* A value for an entry of any level: mostly sensible. */
u64 engine_entry(struct engine *e)
{
	struct rnd *r = e->r;
	u64 entry = some_address(e) | some_flags(e);

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
		if (is_32(e) && one_in(r, 4))
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

u64 engine_window(const struct engine *e, u32 frame)
{
	static const u64 base[] = {[REF_32] = WINDOW_32,
				   [REF_PAE] = WINDOW_PAE,
				   [REF_4LEVEL] = WINDOW_64,
				   [REF_5LEVEL] = WINDOW_64};

	if (e->sim.guest.mode == REF_OFF)
		return e->frame[frame];
	return base[e->sim.guest.mode] + frame * PAGE_SIZE;
}

/* The guest stores through the window; false when that faults. */
static bool store_at(struct engine *e, u32 frame, u32 offset, u64 value, u32 size)
{
	struct ref_access a = {.gva = engine_window(e, frame) + offset, .write = true, .ac = true};
	u64 data[2] = {value, rnd64(e->r)};
	u32 pfec;

	if (!ref_canonical(&e->sim.guest, a.gva))
		return false;
	if (one_in(e->r, 64))
		return sim_emulate(&e->sim, &a, data, size, &pfec) == SIM_DONE;
	return sim_access(&e->sim, &a, data, size, &pfec) == SIM_DONE;
}

static u32 frame_index(const struct engine *e, u64 gpa)
{
	for (u32 i = 0; i < ENGINE_FRAMES; i++)
		if (e->frame[i] == (gpa & ~0xfffULL))
			return i;
	return ENGINE_FRAMES;
}

/* What a root table needs to have the window, in this mode. */
static void root_slot(const struct engine *e, enum ref_mode mode, u32 *index, u64 *entry)
{
	static const u32 table[] = {
		[REF_32] = W_PT32, [REF_PAE] = W_PD, [REF_4LEVEL] = W_PDPT, [REF_5LEVEL] = W_PML4};
	static const u32 slot[] = {[REF_32] = 2 * WINDOW_SLOT + 0x10,
				   [REF_PAE] = 3,
				   [REF_4LEVEL] = WINDOW_SLOT,
				   [REF_5LEVEL] = 511};

	*index = slot[mode];
	*entry = e->frame[table[mode]] | (mode == REF_PAE ? PTE_P : WINDOW_FLAGS);
}

static u32 low_root(struct engine *e)
{
	u32 i;

	do
		i = one_in(e->r, 2) ? rnd(e->r, 4) : rnd(e->r, NR_PLAIN);
	while (e->frame[i] >> 32);
	return i;
}

static bool prepare_root(struct engine *e, u32 root, enum ref_mode mode)
{
	u32 size = mode == REF_32 ? 4 : 8, index;
	u64 entry;

	root_slot(e, mode, &index, &entry);
	if (!store_at(e, root, index * size, entry, size))
		return false;
	for (u32 i = 0; mode == REF_PAE && i < 3; i++)
		if (one_in(e->r, 2) && !store_at(e, root, i * 8, e->frame[rnd(e->r, 8)] | PTE_P, 8))
			return false;
	return true;
}

/* --- modes -------------------------------------------------------------------------------------- */

static u64 now_and_then(struct engine *e, u64 bits, u32 n)
{
	return one_in(e->r, n) ? bits : 0;
}

/* There is no CPU with SMEP, SMAP or keys, but without NX. */
u64 engine_cr4(const struct engine *e, u64 cr4)
{
	return e->sim.config.features.nx ? cr4 : cr4 & ~(CR4_SMEP | CR4_SMAP | CR4_PKE);
}

/* Through paging off, as a real CPU must, into another mode or the same. */
static void switch_mode(struct engine *e)
{
	struct sim *s = &e->sim;
	struct rnd *r = e->r;
	enum ref_mode mode = rnd(r, 12) % 5;
	u64 cr0 = CR0_PG | 1, cr3, cr4 = s->regs.cr4 & ~(CR4_PAE | CR4_LA57), efer = 0;
	u32 root = low_root(e);

	/* The window's own entries again, should they be spoilt. */
	sim_set_regs(s, s->regs.cr0 & ~CR0_PG, s->regs.cr3, cr4, s->regs.efer & ~EFER_LMA, true);
	if (mode == REF_OFF)
		return;
	if (mode == REF_5LEVEL && !e->allow_5level)
		mode = REF_4LEVEL;
	if (s->stats.steps && one_in(r, 8)) {
		store_at(e, W_PML4, WINDOW_SLOT * 8, e->frame[W_PDPT] | WINDOW_FLAGS, 8);
		store_at(e, W_PDPT, 0, e->frame[W_PD] | WINDOW_FLAGS, 8);
		store_at(e, W_PD, WINDOW_SLOT * 8, e->frame[W_PT] | WINDOW_FLAGS, 8);
		for (u32 i = 0; i < ENGINE_FRAMES; i++) {
			u64 entry = e->frame[i] | WINDOW_FLAGS;

			store_at(e, W_PT, i * 8, entry | now_and_then(e, PTE_A, 2), 8);
			if (!(entry >> 32))
				store_at(e, W_PT32, i * 4, entry, 4);
		}
	}
	prepare_root(e, root, mode);
	cr3 = e->frame[root] | now_and_then(e, 0x18, 4);
	cr0 |= now_and_then(e, CR0_WP, 2);
	cr4 ^= now_and_then(e, CR4_PSE, 3) | now_and_then(e, CR4_PGE, 3) |
	       now_and_then(e, CR4_SMEP, 3) | now_and_then(e, CR4_SMAP, 3) |
	       now_and_then(e, CR4_PKE, 3);
	cr4 = engine_cr4(e, cr4);
	if (s->config.features.nx)
		efer |= now_and_then(e, EFER_NXE, 2);
	if (mode >= REF_PAE)
		cr4 |= CR4_PAE;
	if (mode >= REF_4LEVEL)
		efer |= EFER_LMA;
	if (mode == REF_5LEVEL)
		cr4 |= CR4_LA57;
	if (mode == REF_32 && one_in(r, 4))
		cr4 |= CR4_PSE;
	sim_set_regs(s, cr0, cr3, cr4, efer, true);
}

static void toggle(struct engine *e)
{
	static const u64 cr4_bits[] = {CR4_SMEP, CR4_SMAP, CR4_PKE, CR4_PGE, CR4_PSE};
	struct sim *s = &e->sim;
	u64 cr0 = s->regs.cr0, cr4 = s->regs.cr4, efer = s->regs.efer;
	u32 which = rnd(e->r, 12);

	if (which < 5)
		cr4 ^= cr4_bits[which];
	else if (which == 5 && s->config.features.nx)
		efer ^= EFER_NXE;
	else
		cr0 ^= CR0_WP;
	cr4 = engine_cr4(e, cr4);
	/* What SDM 4.10.4.1 does not name, the guest flushes itself before it goes on. */
	if (sim_set_regs(s, cr0, s->regs.cr3, cr4, efer, false))
		return;
	if (which == 4 || which == 5)
		sim_set_cr3(s, s->regs.cr3);
}

static void load_cr3(struct engine *e)
{
	struct sim *s = &e->sim;
	u32 root = low_root(e);
	u64 cr3;

	if (s->guest.mode == REF_OFF || one_in(e->r, 2)) {
		sim_set_cr3(s, s->regs.cr3);
		return;
	}
	if (!one_in(e->r, 8))
		prepare_root(e, root, s->guest.mode);
	cr3 = e->frame[root] | now_and_then(e, 0x18, 4);
	if (one_in(e->r, 64))
		cr3 = some_address(e) & 0xfffff000;
	else if (s->guest.mode == REF_PAE && one_in(e->r, 8))
		cr3 |= 0x20;
	sim_set_cr3(s, cr3);
}

/* --- accesses ----------------------------------------------------------------------------------- */

u64 engine_mask(const struct engine *e)
{
	return e->sim.guest.mode < REF_4LEVEL ? 0xffffffff : ~0ULL;
}

static u64 any_gva(struct engine *e)
{
	struct rnd *r = e->r;
	u64 gva, high;

	if (one_in(r, 16))
		return engine_window(e, rnd(r, ENGINE_FRAMES)) & engine_mask(e);
	switch (e->sim.guest.mode) {
	case REF_OFF:
		return some_address(e) & 0xfffff000;
	case REF_32:
		return (u64)some_index(r, 1024) << 22 | (u64)some_index(r, 1024) << 12;
	case REF_PAE:
		return (u64)rnd(r, 4) << 30 | (u64)some_index(r, 512) << 21 |
		       (u64)some_index(r, 512) << 12;
	default:
		break;
	}
	gva = (u64)rnd(r, 2) << 30 | (u64)some_index(r, 512) << 21 | (u64)some_index(r, 512) << 12;
	high = one_in(r, 4) ? 511 : rnd(r, 2);
	gva |= high << 39;
	if (e->sim.guest.mode == REF_5LEVEL) {
		high = one_in(r, 4) ? 511 : rnd(r, 2);
		gva |= high << 48;
		return high & 256 ? gva | GENMASK(63, 57) : gva;
	}
	return high & 256 ? gva | GENMASK(63, 48) : gva;
}

/* Mostly one of a few pages, so that what is done to one of them meets. */
u64 engine_gva(struct engine *e)
{
	u64 *page = &e->page[rnd(e->r, ARRAY_SIZE(e->page))];

	if (one_in(e->r, 16) || !ref_canonical(&e->sim.guest, *page))
		*page = any_gva(e);
	return *page;
}

static void some_access(struct engine *e, u64 gva, struct ref_access *a)
{
	struct rnd *r = e->r;
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
bool engine_mend(struct engine *e, const struct ref_access *a)
{
	const struct ref_cpu *cpu = &e->sim.guest;
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
	frame = frame_index(e, gpa);
	if (!level || frame == ENGINE_FRAMES)
		return false;
	if (one_in(e->r, 8)) {
		entry ^= 1ULL << rnd(e->r, is_32(e) ? 32 : 64);
	} else if (kind == REF_LEAF && one_in(e->r, 2)) {
		entry |= PTE_W | PTE_U | PTE_A | now_and_then(e, PTE_D, e->tidy ? 1 : 2);
		entry &= ~(is_32(e) ? 0 : PTE_NX);
	} else {
		entry = (level > 1 && one_in(e->r, 3) ? MIB(2) | PTE_PS : engine_frame(e)) | PTE_P |
			PTE_W | now_and_then(e, PTE_A, 2) |
			now_and_then(e, PTE_D, e->tidy ? 1 : 2) | (one_in(e->r, 4) ? 0 : PTE_U);
	}
	return store_at(e, frame, gpa & 4095, entry, size);
}

static void do_access_at(struct engine *e, u64 gva)
{
	static const u32 sizes[] = {1, 2, 4, 8, 8, 8, 16};
	struct ref_access a;
	u32 size = sizes[rnd(e->r, ARRAY_SIZE(sizes))], repeat = 1 + rnd(e->r, 3);
	u64 data[2];
	u32 pfec;

	some_access(e, gva, &a);
	a.gva += some_index(e->r, 512) * 8;
	if (one_in(e->r, 4))
		a.gva += rnd(e->r, 8);
	if ((a.gva & 4095) + size > 4096)
		a.gva -= size;
	for (u32 i = 0; i < repeat && !gt_full(&e->sim.tlb); i++) {
		data[0] = engine_entry(e);
		data[1] = engine_entry(e);
		if ((one_in(e->r, 16) ? sim_emulate : sim_access)(&e->sim, &a, data, size, &pfec) ==
		    SIM_DONE) {
			/* First one kind, then another. */
			if (!a.fetch)
				a.write = !one_in(e->r, 4);
			if (one_in(e->r, 2)) {
				a.ac = !a.user && one_in(e->r, 2);
				a.pkru = one_in(e->r, 2) ? 0 : rnd(e->r, 256);
			}
			continue;
		}
		if (one_in(e->r, 4) || !engine_mend(e, &a))
			return;
		if (pfec & REF_PF_P && one_in(e->r, 2))
			sim_invlpg(&e->sim, a.gva);
	}
}

static void write_entries(struct engine *e)
{
	u32 entries = is_32(e) ? 1024 : 512, size = is_32(e) ? 4 : 8;
	u32 frame = one_in(e->r, 3) ? rnd(e->r, NR_PLAIN) : rnd(e->r, 10);
	u32 nr = one_in(e->r, 6) ? 2 + rnd(e->r, 12) : 1;
	u32 at = some_index(e->r, entries);
	u64 entry = engine_entry(e);

	if (one_in(e->r, 24))
		frame = W_PML4 + rnd(e->r, 5);
	if (one_in(e->r, 16))
		size = 1 << rnd(e->r, 5);
	for (u32 i = 0; i < nr && !gt_full(&e->sim.tlb); i++) {
		u32 offset = at * (is_32(e) ? 4 : 8);

		if (one_in(e->r, 16))
			offset += rnd(e->r, 8);
		if (offset + size > 4096)
			offset = 4096 - size;
		if (!store_at(e, frame, offset, entry, size))
			return;
		at = (at + 1) % entries;
		if (one_in(e->r, 2))
			entry = engine_entry(e);
	}
}

/* What the operating system does to a page: an entry on the way to it changes. */
static void change_way(struct engine *e, u64 gva)
{
	const struct ref_cpu *cpu = &e->sim.guest;
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
	at = one_in(e->r, 2) ? nr - 1 : rnd(e->r, nr);
	frame = frame_index(e, gpa[at]);
	if (frame == ENGINE_FRAMES)
		return;
	entry = sim_read(gpa[at], size);
	switch (rnd(e->r, 8)) {
	case 0:
		entry = engine_entry(e);
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
		entry = (entry & 0xfff) | engine_frame(e);
	}
	store_at(e, frame, gpa[at] & 4095, entry, size);
}

/*
 * Where the entry for an address is in its table of this level; what leads there is made where it is missing.
 * 0: there is none that the window shows.
 */
static u64 lead_to(struct engine *e, u64 gva, int level)
{
	const struct ref_cpu *cpu = &e->sim.guest;
	u32 size = ref_entry_size(cpu);

	for (u32 tries = 0; tries < 5; tries++) {
		struct ref_path path;
		enum ref_kind kind = ref_start(cpu, gva, &path);
		u64 gpa = (cpu->cr3 & ~0x1fULL) + (gva >> 30) * 8, flags = PTE_P;
		u32 frame;

		while (kind == REF_TABLE) {
			gpa = ref_entry_addr(cpu, &path, gva);
			if (path.level == level)
				return frame_index(e, gpa) < ENGINE_FRAMES ? gpa : 0;
			kind = ref_next(cpu, &path, gva, sim_read(gpa, size));
			flags = PTE_P | PTE_W | PTE_U | PTE_A;
		}
		frame = frame_index(e, gpa);
		if (frame == ENGINE_FRAMES ||
		    !store_at(e, frame, gpa & 4095, e->frame[1 + rnd(e->r, 9)] | flags, size))
			return 0;
		/* A PDPTE is read when CR3 is loaded; of others nothing is kept once they are flushed. */
		if (cpu->mode == REF_PAE ? sim_set_cr3(&e->sim, e->sim.regs.cr3) : 0)
			return 0;
		sim_invlpg(&e->sim, gva);
	}
	return 0;
}

enum change { CHANGE_RIGHTS, CHANGE_PAGE, CHANGE_PRESENT, CHANGE_NOTHING, CHANGE_ANY, CHANGES };

static u64 changed_entry(struct engine *e, enum change change, u64 old, u32 i)
{
	u64 page = i % 8 * MIB(4) | PTE_P | PTE_PS | PTE_U | PTE_A | PTE_D;

	switch (change) {
	case CHANGE_RIGHTS:
		return old & PTE_P ? old ^ PTE_W : page;
	case CHANGE_PAGE:
		return page | (~old & PTE_PCD);
	case CHANGE_PRESENT:
		return old & PTE_P ? 0 : page;
	case CHANGE_NOTHING:
		return old;
	default:
		return engine_entry(e) | PTE_PS;
	}
}

/*
 * A kernel changes large pages one by one: a table that is in use is written entry by entry, each followed
 * by an INVLPG, and what it maps is used after that, or now and then on the way.
 */
static void change_large(struct engine *e)
{
	struct sim *s = &e->sim;
	bool is_64 = s->guest.mode >= REF_4LEVEL;
	u32 n = one_in(e->r, 3) ? 26 + rnd(e->r, 16) : 5 + rnd(e->r, 12),
	    size = ref_entry_size(&s->guest);
	u32 used = one_in(e->r, 4) ? 4 : 0, unflushed = one_in(e->r, 4) ? 1 + rnd(e->r, 4) : 0;
	int level = is_64 && one_in(e->r, 2) ? 3 : 2;
	u64 span = is_32(e)     ? MIB(4)
		   : level == 3 ? GIB(1)
				: MIB(2),
	    pages = rnd(e->r, 4) * span, gpa;
	struct ref_access a = {.ac = true};
	enum change change = rnd(e->r, CHANGES);
	u32 pfec;

	if (s->guest.mode == REF_OFF)
		return;
	pages += level == 2 && !is_32(e) ? rnd(e->r, is_64 ? 2 : 3) * GIB(1) : 0;
	gpa = lead_to(e, pages, level);
	if (!gpa)
		return;
	/* The table has its shadow from the first access on. */
	a.gva = pages;
	if (!store_at(e, frame_index(e, gpa), gpa & 4095, changed_entry(e, CHANGE_PRESENT, 0, 0),
		      size))
		return;
	sim_invlpg(s, a.gva);
	sim_access(s, &a, NULL, 8, &pfec);
	for (u32 i = 0; i < n && !gt_full(&s->tlb); i++) {
		if (!store_at(e, frame_index(e, gpa), (gpa & 4095) + i * size,
			      changed_entry(e, change, sim_read(gpa + i * size, size), i), size))
			return;
		a.gva = pages + i * span;
		if (!unflushed || i % unflushed)
			sim_invlpg(s, a.gva);
		if (used && one_in(e->r, used))
			sim_access(s, &a, NULL, 8, &pfec);
	}
	for (u32 i = rnd(e->r, 4); i > 0 && !gt_full(&s->tlb); i--) {
		a.gva = pages + rnd(e->r, n) * span;
		sim_access(s, &a, NULL, 8, &pfec);
	}
}

/* A page is used, changed, perhaps flushed, and used again. */
static void use_and_change(struct engine *e)
{
	u64 gva = engine_gva(e);

	do_access_at(e, gva);
	for (u32 i = rnd(e->r, 3); i > 0 && !gt_full(&e->sim.tlb); i--)
		change_way(e, gva);
	switch (rnd(e->r, 8)) {
	case 0:
		sim_set_cr3(&e->sim, e->sim.regs.cr3);
		break;
	case 1:
	case 2:
	case 3:
		sim_invlpg(&e->sim, gva);
		break;
	case 4:
		hw_speculate(&e->sim.hw, gva, e->r);
		break;
	default:
		break;
	}
	if (!gt_full(&e->sim.tlb))
		do_access_at(e, gva);
}

/* With WP=0 a supervisor writes a user's read-only page; that grants no other access. */
static void write_read_only(struct engine *e)
{
	struct sim *s = &e->sim;
	struct ref_access a = {.gva = engine_gva(e), .write = true, .ac = true};
	struct ref_path path;
	enum ref_kind kind;
	u64 gpa = 0, data[2] = {0};
	u32 frame, pfec;

	if (sim_set_regs(s, s->regs.cr0 & ~CR0_WP, s->regs.cr3,
			 engine_cr4(e, s->regs.cr4 | now_and_then(e, CR4_SMAP, 2) |
					       now_and_then(e, CR4_PKE, 2)),
			 s->regs.efer, false))
		return;
	for (kind = ref_start(&s->guest, a.gva, &path); kind == REF_TABLE;) {
		gpa = ref_entry_addr(&s->guest, &path, a.gva);
		kind = ref_next(&s->guest, &path, a.gva, sim_read(gpa, ref_entry_size(&s->guest)));
	}
	frame = frame_index(e, gpa);
	if (kind != REF_LEAF || !gpa || frame == ENGINE_FRAMES ||
	    !store_at(e, frame, gpa & 4095,
		      (sim_read(gpa, ref_entry_size(&s->guest)) & ~PTE_W) | PTE_U,
		      ref_entry_size(&s->guest)))
		return;
	sim_invlpg(s, a.gva);
	for (u32 i = 0; i < 6 && !gt_full(&s->tlb); i++) {
		sim_access(s, &a, data, 8, &pfec);
		a.write = one_in(e->r, 2);
		a.user = one_in(e->r, 4);
		a.ac = !a.user && one_in(e->r, 2);
		a.pkru = one_in(e->r, 2) ? 0 : rnd(e->r, 256);
	}
}

/* An address space of its own: its first tables, of frames that hardly anything else is done to. */
static bool own_process(struct engine *e)
{
	struct sim *s = &e->sim;
	u32 top = s->guest.mode + 1, size = ref_entry_size(&s->guest);

	if (!prepare_root(e, P_ROOT, s->guest.mode))
		return false;
	for (u32 level = top; level > 1; level--) {
		u32 frame = P_ROOT + top - level;
		u64 flags = PTE_P |
			    (s->guest.mode == REF_PAE && level == 3 ? 0 : PTE_W | PTE_U | PTE_A);

		if (!store_at(e, frame, 0, e->frame[frame + 1] | flags, size))
			return false;
	}
	return !sim_set_regs(s, s->regs.cr0 | CR0_WP, e->frame[P_ROOT], s->regs.cr4, s->regs.efer,
			     true);
}

/* A user's write to a page that is not his to write yet, and what the kernel makes of it. */
static void copy_page(struct engine *e, u64 gva, u64 gpa)
{
	struct sim *s = &e->sim;
	struct ref_access a = {.gva = gva, .user = true, .write = !one_in(e->r, 4)};
	u64 flags = PTE_P | PTE_U | PTE_A | now_and_then(e, PTE_D, 2) | now_and_then(e, PTE_W, 8),
	    entry;
	u32 size = ref_entry_size(&s->guest), frame = frame_index(e, gpa), pfec;
	u64 data[2] = {0};

	entry = one_in(e->r, 8) ? engine_frame(e) : e->frame[P_DATA + rnd(e->r, NR_DATA)];
	if (!store_at(e, frame, gpa & 4095, (is_32(e) ? (u32)entry : entry) | flags, size))
		return;
	if (!one_in(e->r, 3))
		sim_invlpg(s, gva);
	sim_access(s, &a, data, 8, &pfec);
	a.write = true;
	if (sim_access(s, &a, data, 8, &pfec) == SIM_FAULT) {
		flags |= PTE_W | (one_in(e->r, 8) ? 0 : PTE_D);
		if (!store_at(e, frame, gpa & 4095, (is_32(e) ? (u32)entry : entry) | flags, size))
			return;
		if (one_in(e->r, 2))
			sim_invlpg(s, gva);
	}
	for (u32 k = rnd(e->r, 3); k > 0 && !gt_full(&s->tlb); k--)
		sim_access(s, &a, data, 8, &pfec);
	if (one_in(e->r, 4)) {
		a.user = false;
		a.write = a.ac = one_in(e->r, 2);
		sim_access(s, &a, data, 8, &pfec);
	}
}

/* As after a fork: page after page is copied, or the kernel looks at one that is not there. */
static void copy_on_write(struct engine *e)
{
	struct sim *s = &e->sim;
	u64 gva = engine_gva(e), gpa;
	bool own = !one_in(e->r, 3);

	if (s->guest.mode == REF_OFF || (own && !own_process(e)))
		return;
	for (u32 i = 1 + rnd(e->r, 8); i > 0 && !gt_full(&s->tlb); i--) {
		if (own)
			gva = (u64)rnd(e->r, 8) << 12;
		gpa = lead_to(e, gva, 1);
		if (!gpa)
			return;
		copy_page(e, gva, gpa);
		if (one_in(e->r, 6))
			change_way(e, gva);
		if (one_in(e->r, 4))
			sim_set_cr3(s, s->regs.cr3);
	}
}

static void copy_entry(struct engine *e)
{
	u32 size = is_32(e) ? 4 : 8, from = rnd(e->r, 10), to = rnd(e->r, 10);
	u32 at = some_index(e->r, 4096 / size) * size;
	u64 entry = sim_read(e->frame[from] + at, size);

	/* Linux-like changes: rights taken, A or D cleared, gone. */
	switch (rnd(e->r, 6)) {
	case 0:
		entry &= ~PTE_W;
		break;
	case 1:
		entry &= ~PTE_A;
		break;
	case 2:
		entry &= ~PTE_D;
		break;
	case 3:
		entry &= ~PTE_P;
		break;
	case 4:
		entry |= PTE_P;
		break;
	default:
		break;
	}
	store_at(e, one_in(e->r, 2) ? from : to, at, entry, size);
}

void engine_step(struct engine *e)
{
	struct sim *s = &e->sim;
	u32 op = rnd(e->r, 64);

	s->stats.steps++;
	if (gt_full(&s->tlb)) {
		if (sim_set_cr3(s, s->regs.cr3))
			switch_mode(e);
		return;
	}
	if (e->pressure && one_in(e->r, 6))
		engine_press(e);
	else if (s->config.devices && one_in(e->r, 8))
		engine_device(e);
	else if (op < 16)
		write_entries(e);
	else if (op < 21)
		copy_entry(e);
	else if (op < 27)
		change_large(e);
	else if (op < 30)
		copy_on_write(e);
	else if (op < 36)
		use_and_change(e);
	else if (op < 46)
		do_access_at(e, engine_gva(e));
	else if (op < 47)
		write_read_only(e);
	else if (op < 50)
		sim_invlpg(s, engine_gva(e));
	else if (op < 51)
		sim_invpcid(s, rnd(e->r, 4), engine_gva(e));
	else if (op < 54)
		load_cr3(e);
	else if (op < 56)
		toggle(e);
	else if (op < 57)
		switch_mode(e);
	else if (op < 61)
		hw_speculate(&s->hw, engine_gva(e), e->r);
	else
		hw_evict(&s->hw, e->r);
	if (s->hw.error)
		sim_fail(s, "%s", s->hw.error);
	if (e->audit_period && s->stats.steps % e->audit_period == 0)
		sim_check(s);
}

void engine_start(struct engine *e, const struct sim_config *c, struct rnd *r)
{
	e->r = r;
	e->audit_period = 1;
	e->pressure = !one_in(r, 4);
	e->tidy = !one_in(r, 3);
	e->next_root = 0;
	memset(e->page, 0, sizeof(e->page));
	sim_init(&e->sim, c, r);
	for (u32 i = 0; i < ENGINE_FRAMES; i++)
		e->frame[i] = MIB(2) + i * PAGE_SIZE;
	/* Some elsewhere: next to what is no RAM, next to the hypervisor, over 4 GiB. */
	e->frame[4] = KIB(640) - PAGE_SIZE;
	e->frame[7] = SIM_HIDDEN_START - PAGE_SIZE;
	if (c->high_ram)
		e->frame[9] = SIM_HIGH_START;
	e->frame[20] = MIB(1);
	e->frame[21] = SIM_HIDDEN_END;
	if (c->high_ram)
		e->frame[22] = SIM_HIGH_START + PAGE_SIZE;
	for (u32 i = W_PML4; i < ENGINE_FRAMES; i++)
		e->frame[i] = MIB(3) + i * PAGE_SIZE;
	for (u32 i = 0; i < ENGINE_FRAMES; i++) {
		sim_poke(&e->sim, e->frame[W_PT] + i * 8, e->frame[i] | WINDOW_FLAGS, 8);
		if (!(e->frame[i] >> 32))
			sim_poke(&e->sim, e->frame[W_PT32] + i * 4, e->frame[i] | WINDOW_FLAGS, 4);
	}
	sim_poke(&e->sim, e->frame[W_PML4] + WINDOW_SLOT * 8, e->frame[W_PDPT] | WINDOW_FLAGS, 8);
	sim_poke(&e->sim, e->frame[W_PDPT], e->frame[W_PD] | WINDOW_FLAGS, 8);
	sim_poke(&e->sim, e->frame[W_PD] + WINDOW_SLOT * 8, e->frame[W_PT] | WINDOW_FLAGS, 8);
	e->allow_5level = !one_in(r, 4);
	sim_set_regs(&e->sim, 1, 0, 0, 0, true);
	switch_mode(e);
}
