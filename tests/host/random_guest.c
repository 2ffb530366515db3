/* SPDX-License-Identifier: MIT */
/* A guest that does random things with its page tables; see random_guest.h. */
#include "tests/host/random_guest.h"
#include "arch/cpu.h"
#include "tests/host/sim_mem.h"
#include <string.h>

/* Each kind of table entry has few indices in use, so that things meet. */
u32 random_index(struct rnd *r, u32 entries)
{
	u32 i = rnd(r, 8);

	return i < 6 ? i / 2 : entries - 1 - (i - 6);
}

/* The same frames more often than others. */
u64 random_frame(struct random_guest *g)
{
	return g->frame[one_in(g->r, 4) ? rnd(g->r, RANDOM_COW) : rnd(g->r, 10)];
}

bool random_is_32(const struct random_guest *g)
{
	return g->sim.guest.mode == REF_32;
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
		return random_address(g) & 0xfffff000;
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
	u32 frame = one_in(g->r, 3) ? rnd(g->r, RANDOM_COW) : rnd(g->r, 10);
	u32 nr = one_in(g->r, 6) ? 2 + rnd(g->r, 12) : 1;
	u32 at = random_index(g->r, entries);
	u64 entry = random_entry(g);

	if (one_in(g->r, 24))
		frame = RANDOM_WINDOW + rnd(g->r, 5);
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
			random_switch_mode(g);
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
	else if (op < 32)
		random_around(g);
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
		random_load_cr3(g);
	else if (op < 56)
		random_toggle(g);
	else if (op < 57)
		random_switch_mode(g);
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
	for (u32 i = RANDOM_WINDOW; i < RANDOM_FRAMES; i++)
		g->frame[i] = MIB(3) + i * PAGE_SIZE;
	random_set_window(g);
	g->allow_5level = !one_in(r, 4);
	sim_set_regs(&g->sim, 1, 0, 0, 0, true);
	random_switch_mode(g);
}
