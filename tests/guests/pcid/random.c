/* SPDX-License-Identifier: MIT */
/*
 * A random workload over several PCIDs that flushes seldom. Beside it runs a model of what may be
 * cached (SDM vol. 3A 4.10.2 to 4.10.4): each read must be one that it allows.
 *
 * Three address spaces, the first under two PCIDs. Each maps the same pages by one of two page tables,
 * between which its PDE is switched; a last page is global and has one table for all spaces.
 */
#include "tests/guests/pcid/pcid.h"

#define SPACES   3
#define CONTEXTS 4
#define PAGES    8
#define FRAMES   16
#define STEPS    12000
#define BASE     (VA + (1ULL << 38))
#define GLOBAL   (BASE + PAGE_2M)

static const struct {
	u32 space;
	u64 pcid;
} context[CONTEXTS] = {{0, 0}, {1, 0x7ff}, {2, 0xfff}, {0, 0x123}};

static u64 state, frame[FRAMES], root[SPACES], *pde[SPACES], *table[SPACES][2], *global;
static u32 now, used[SPACES]; /* the context that runs; the table that each space's PDE names */

/* Bit n: frame n may be read there. Bit t: the PDE may be cached as naming table t. */
static u32 pages[CONTEXTS][PAGES], tables[CONTEXTS], global_pages;

static u32 pick(u32 n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (u32)((state >> 32) % n);
}

/* The frame that an entry maps, as a mask; 0 when it is not present. */
static u32 mask_of(u64 pte)
{
	for (u32 i = 0; i < FRAMES && pte & PTE_P; i++)
		if (frame[i] == (pte & PTE_ADDR))
			return 1U << i;
	return 0;
}

static void forget_page(u32 c, u32 i)
{
	u32 s = context[c].space;

	tables[c] = 1U << used[s];
	pages[c][i] = mask_of(table[s][used[s]][i]);
}

static void forget(u32 c)
{
	for (u32 i = 0; i < PAGES; i++)
		forget_page(c, i);
}

static void forget_all(bool globals)
{
	for (u32 c = 0; c < CONTEXTS; c++)
		forget(c);
	if (globals)
		global_pages = mask_of(*global);
}

static u64 random_pte(void)
{
	u64 pte = frame[pick(FRAMES)] | PTE_P | PTE_W;

	return pick(4) ? pte | (pick(2) ? PTE_A | PTE_D : 0) : 0;
}

static void set_pte(u32 s, u32 t, u32 i, u64 pte)
{
	*(volatile u64 *)&table[s][t][i] = pte;
	for (u32 c = 0; c < CONTEXTS; c++)
		if (context[c].space == s && tables[c] & 1U << t)
			pages[c][i] |= mask_of(pte);
}

static void switch_table(u32 s)
{
	used[s] ^= 1;
	*(volatile u64 *)pde[s] = (uintptr_t)table[s][used[s]] | UPPER;
	for (u32 c = 0; c < CONTEXTS; c++) {
		if (context[c].space != s)
			continue;
		tables[c] |= 1U << used[s];
		for (u32 i = 0; i < PAGES; i++)
			pages[c][i] |= mask_of(table[s][used[s]][i]);
	}
}

/* An entry that is not present is never cached. */
static bool may_fault(u32 i)
{
	u32 s = context[now].space;

	for (u32 t = 0; t < 2; t++)
		if (tables[now] & 1U << t && !(table[s][t][i] & PTE_P))
			return true;
	return false;
}

static void read_page(u32 i)
{
	u64 va = BASE + i * PAGE_SIZE, loaded = 0;
	struct outcome got =
		ATTEMPT("pushq (%[p])\n\tpopq (%[to])", [p] "r"(va), [to] "r"(&loaded));

	if (got.vector == NOTHING)
		check(pages[now][i] & 1U << loaded, "context %u, page %u: frame %lu, not of %x",
		      now, i, loaded, pages[now][i]);
	else
		check(got.vector == VEC_PF && got.error == 0 && got.cr2 == va && may_fault(i),
		      "context %u, page %u: vector %lu error %lx cr2 %lx", now, i, got.vector,
		      got.error, got.cr2);
}

static void read_global(void)
{
	u64 n = *(volatile u64 *)ptr(GLOBAL);

	check(global_pages & 1U << n, "the global page: frame %lu, not of %x", n, global_pages);
}

static void load_context(u32 c, bool flush)
{
	now = c;
	if (flush)
		forget(c);
	write_cr3(root[context[c].space] | context[c].pcid | (flush ? 0 : CR3_NOFLUSH));
}

static void run_invpcid(u32 type, u32 c, u32 i)
{
	expect_done("random INVPCID", invpcid(type, context[c].pcid, BASE + i * PAGE_SIZE));
	if (type == ADDRESS)
		forget_page(c, i);
	else if (type == SINGLE)
		forget(c);
	else
		forget_all(type == ALL_GLOBAL);
}

static void step(void)
{
	u32 s = pick(SPACES), i = pick(PAGES), c = pick(CONTEXTS);

	switch (pick(32)) {
	case 0 ... 4:
		set_pte(s, pick(2), i, random_pte());
		break;
	case 5: /* a flood */
		for (i = 0; i < PAGES; i++)
			set_pte(s, used[s], i, random_pte());
		break;
	case 6:
		switch_table(s);
		break;
	case 7 ... 9:
		load_context(c, false);
		break;
	case 10:
		load_context(c, true);
		break;
	case 11:
		invlpg(BASE + i * PAGE_SIZE);
		forget_page(now, i);
		break;
	case 12 ... 13:
		run_invpcid(ADDRESS, c, i);
		break;
	case 14:
		run_invpcid(pick(4), c, i);
		break;
	case 15:
		*(volatile u64 *)global = frame[pick(FRAMES)] | LEAF | PTE_G;
		global_pages |= mask_of(*global);
		break;
	case 16:
		if (pick(2)) {
			invlpg(GLOBAL);
			global_pages = mask_of(*global);
		} else if (!pick(8)) {
			write_cr4(read_cr4() ^ CR4_PGE);
			forget_all(true);
		}
		break;
	case 17 ... 18:
		read_global();
		break;
	default:
		read_page(i);
	}
}

static void set_up(void)
{
	u64 shared = page_alloc(1, PAGE_SIZE);

	for (u64 i = 0; i < FRAMES; i++) {
		frame[i] = page_alloc(1, PAGE_SIZE);
		*(u64 *)ptr(frame[i]) = i;
	}
	global = ptr(shared);
	*global = frame[0] | LEAF | PTE_G;
	for (u32 s = 0; s < SPACES; s++) {
		root[s] = new_root();
		for (u32 t = 0; t < 2; t++)
			table[s][t] = ptr(page_alloc(1, PAGE_SIZE));
		pde[s] = entry_of(root[s], BASE, 2);
		*pde[s] = (uintptr_t)table[s][0] | UPPER;
		*entry_of(root[s], GLOBAL, 2) = shared | UPPER;
	}
}

void test_random(void)
{
	u64 cr3 = read_cr3(), cr4 = read_cr4();

	set_up();
	write_cr4(cr4 | CR4_PGE);
	for (u64 seed = 1; seed <= 2; seed++) {
		state = seed * 0x9e3779b97f4a7c15;
		run_invpcid(ALL_GLOBAL, 0, 0);
		load_context(0, true);
		for (u32 i = 0; i < STEPS && !check_failed(); i++)
			step();
	}
	write_cr3(cr3);
	write_cr4(cr4);
	expect_done("INVPCID 2", invpcid(ALL_GLOBAL, 0, 0));
}
