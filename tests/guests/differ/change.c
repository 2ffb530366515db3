/* SPDX-License-Identifier: MIT */
/* Changes of the tables and of the paging registers, with the flushes that they want. */
#include "tests/guests/differ/differ.h"

#include "arch/string.h"
#include "guest/builtin/lib/guest.h"

extern const uintptr_t op_table[NR_OPS];

static u32 random_frame(enum kind want)
{
	u32 f = pick(FRAMES);

	while (kind[f] != want)
		f = (f + 1) % FRAMES;
	return f;
}

static u64 random_flags(void)
{
	u64 flags = PTE_P;

	flags |= (chance(80) ? PTE_W : 0) | (chance(80) ? PTE_U : 0) | (chance(70) ? PTE_A : 0);
	flags |= (chance(50) ? PTE_D : 0) | (chance(5) ? PTE_PWT : 0) | (chance(5) ? PTE_PCD : 0);
	flags |= use_global && chance(25) ? PTE_G : 0;
	flags |= rnd() & GENMASK(11, 9);
	if (!IS_32 && has_nx && chance(10))
		flags |= PTE_NX;
	if (IS_64)
		flags |= rnd() & GENMASK(58, 52);
	return flags;
}

u64 random_entry(void)
{
	u32 what = pick(100);
	u64 target;

	if (what < 12)
		return 0;
	if (what < 22)
		return rnd() & (format.entry_bytes == 8 ? ~PTE_P : 0xfffffffe);
	if (what < 28)
		/* Reserved: in an upper entry, with a large page's address; anywhere, high up. */
		return random_flags() | arena | PTE_PS |
		       (chance(50) ? BIT(14)
			: IS_32    ? BIT(21)
				   : BIT(51));
	if (what < 40)
		return random_flags() | PTE_PS |
		       (IS_64 && chance(25)    ? 0
			: !IS_32 && chance(50) ? arena + PAGE_2M
					       : arena);
	target = frame[random_frame(what < 72 ? KIND_TABLE : what < 95 ? KIND_DATA : KIND_ROOT)];
	return target | random_flags();
}

/* In the PDPT of PAE even a bit too many is a #GP of MOV CR3. */
u64 entry_tame(u64 pa)
{
	u64 e = entry_at(pa), tame = e;

	if (!(e & PTE_P))
		return e;
	if (!use_global)
		tame &= ~PTE_G;
	if (IS_PAE && kind[frame_at(pa)] == KIND_ROOT) {
		int f = frame_at(e & PTE_ADDR & GENMASK(39, 0));

		tame = f >= 0 && kind[f] == KIND_TABLE ? frame[f] | PTE_P : 0;
	}
	if (tame != e)
		entry_put(pa, tame);
	return tame;
}

static void load_root(u32 f)
{
	root = f;
	write_cr3((reg)frame[f]);
}

static void flush_keep_root(void)
{
	/* With CR4.PGE, a load of CR3 leaves global translations; in PAE, it alone loads PDPTEs. */
	if (use_global || chance(15)) {
		write_cr4(read_cr4() ^ CR4_PGE);
		write_cr4(read_cr4() ^ CR4_PGE);
		if (!IS_PAE)
			return;
	}
	reload_cr3();
}

void flush_all(void)
{
	if (chance(15))
		change_root();
	else
		flush_keep_root();
}

void change_root(void)
{
	reg cr4 = read_cr4();

	write_cr4(cr4 & ~CR4_PGE);
	load_root(pick(ROOTS));
	write_cr4(cr4);
}

/* A slot of any table, or of a root. */
static u64 random_slot(void)
{
	u32 f = random_frame(chance(15) ? KIND_ROOT : KIND_TABLE);

	return entry_pa(f, kind[f] == KIND_ROOT ? format.root_slot[pick(format.root_slots)]
						: format.slot[pick(SLOTS)]);
}

/* The new value for an entry: any other one, or the old one with a change. */
static u64 changed(u64 old)
{
	static const u64 bit[] = {PTE_P, PTE_W, PTE_U, PTE_A, PTE_D, PTE_A | PTE_D, PTE_NX, PTE_W};
	u64 flip;

	if (!(old & PTE_P) || chance(40))
		return random_entry();
	flip = bit[pick(ARRAY_SIZE(bit))];
	if (flip == PTE_NX && (IS_32 || !has_nx))
		flip = PTE_W;
	return old ^ flip;
}

/* Write an entry at its physical address, by one instruction or another. */
static void store(u64 pa, u64 value)
{
	static const enum op way[] = {OP_MOV, OP_XCHG, OP_CMPXCHG};
	u64 old = entry_at(pa);

	if (format.entry_bytes != sizeof(reg) || (IS_64 && chance(10)))
		probe_run(op_table[OP_WIDE], false, (reg)pa, 0, value);
	else if ((old & value) == value && chance(50))
		probe_run(op_table[OP_AND], false, (reg)pa, 0, value);
	else if ((old | value) == value && chance(50))
		probe_run(op_table[OP_OR], false, (reg)pa, 0, value & ~old);
	else if (IS_64 && (old ^ value) >> 32 == 0 && chance(30))
		probe_run(op_table[OP_MOV4], false, (reg)pa, 0, value);
	else
		probe_run(op_table[way[pick(ARRAY_SIZE(way))]], false, (reg)pa, 0, value);
	check(entry_at(pa) == value, "step %u: stored %" X64 " at %" X64 ", it is %" X64, step_now,
	      value, pa, entry_at(pa));
}

void change_entry(void)
{
	u64 pa = random_slot(), old = entry_at(pa), now;
	bool pdpte = IS_PAE && kind[frame_at(pa)] == KIND_ROOT;
	u32 nr = ~0u;
	reg va[6];

	if (chance(50))
		nr = users_of(pa, va, ARRAY_SIZE(va));
	store(pa, changed(old));
	now = entry_tame(pa);
	if (pdpte || (old & PTE_P && old != now && nr == ~0u)) {
		flush_all();
	} else if (old & PTE_P && old != now) {
		for (u32 i = 0; i < nr; i++)
			invlpg(va[i]);
	}
}

/* What a scan for pages that were not used does, and fork: the same change all over a table. */
void change_bits(void)
{
	static const u64 clear[] = {PTE_A, PTE_D, PTE_A | PTE_D, PTE_W};
	u32 f = random_frame(KIND_TABLE);
	u64 bits = clear[pick(ARRAY_SIZE(clear))];

	for (u32 i = 0; i < SLOTS; i++) {
		u64 pa = entry_pa(f, format.slot[i]), e = entry_at(pa);

		if (e & PTE_P && e & bits)
			store(pa, e & ~bits);
	}
	flush_all();
}

void change_registers(void)
{
	u32 what = pick(6);

	switch (what) {
	case 0:
	case 1:
		write_cr0(read_cr0() ^ CR0_WP);
		break;
	case 2:
		write_cr4(read_cr4() ^ CR4_PGE);
		break;
	case 3:
		if (has_smep)
			write_cr4(read_cr4() ^ CR4_SMEP);
		break;
	case 4:
		if (has_smap)
			write_cr4(read_cr4() ^ CR4_SMAP);
		break;
	case 5:
		if (IS_32) {
			write_cr4(read_cr4() ^ CR4_PSE);
		} else if (has_nx) {
			wrmsr(MSR_EFER, rdmsr(MSR_EFER) ^ EFER_NXE);
			nxe_on = !nxe_on;
		}
		flush_keep_root();
		break;
	}
}

/* A table is freed, and its page has data; a page of data becomes a table. */
void change_role(void)
{
	u32 freed = random_frame(KIND_TABLE), taken = random_frame(KIND_DATA);

	for (u32 f = 0; f < FRAMES; f++) {
		if (kind[f] == KIND_DATA)
			continue;
		for (u32 i = 0; i < SLOTS; i++) {
			u64 pa;

			if (kind[f] == KIND_ROOT && i >= format.root_slots)
				break;
			pa = entry_pa(f,
				      kind[f] == KIND_ROOT ? format.root_slot[i] : format.slot[i]);
			if (entry_at(pa) & PTE_P && (entry_at(pa) & PTE_ADDR) == frame[freed])
				store(pa, 0);
		}
	}
	flush_all();
	kind[freed] = KIND_DATA;
	data_init(freed);
	memset(ptr(frame[taken]), 0, PAGE_SIZE);
	kind[taken] = KIND_TABLE;
	for (u32 i = 0; i < SLOTS; i++)
		entry_put(entry_pa(taken, format.slot[i]), random_entry());
	flush_all();
}

/* What fork does with a whole table. */
void copy_table(void)
{
	u32 from = random_frame(KIND_TABLE), to = random_frame(KIND_TABLE);

	if (chance(50))
		for (u32 i = 0; i < SLOTS; i++) {
			u64 pa = entry_pa(from, format.slot[i]);

			if (entry_at(pa) & PTE_P)
				entry_put(pa, entry_at(pa) & ~PTE_W);
		}
	if (to != from)
		memcpy(ptr(frame[to]), ptr(frame[from]), PAGE_SIZE);
	flush_all();
}

struct path link_path(void)
{
	u32 at = root, used = 0, root_slot = format.root_slot[pick(format.root_slots)];
	struct path path = {.table = root};

	for (u32 i = 0; i + 1 < format.levels; i++) {
		u32 next = random_frame(KIND_TABLE);
		bool pdpte = IS_PAE && !i;

		while (used & 1u << next || kind[next] != KIND_TABLE)
			next = (next + 1) % FRAMES;
		used |= 1u << next;
		path.index[i] = i ? format.slot[pick(SLOTS)] : root_slot;
		entry_put(entry_pa(at, path.index[i]),
			  frame[next] | (pdpte ? PTE_P : PTE_P | PTE_W | PTE_U | PTE_A));
		at = path.table = next;
	}
	flush_keep_root();
	return path;
}

void build_path(void)
{
	struct path path = link_path();

	for (u32 i = 0; i < SLOTS; i++)
		entry_put(entry_pa(path.table, format.slot[i]),
			  frame[random_frame(chance(30) ? KIND_TABLE : KIND_DATA)] |
				  random_flags());
	flush_keep_root();
}
