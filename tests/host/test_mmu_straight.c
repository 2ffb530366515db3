/* SPDX-License-Identifier: MIT */
/*
 * The straight ways of page faults, by a guest as plain as these want it: four levels or five, a few page tables, room
 * for all their shadows. It maps, protects, ages and touches pages at random. What each straight way leaves is compared with
 * what the general one does, straight.h, and everything is judged besides. What such guests have not met is below them.
 *
 * Environment: MMU_SEEDS=N runs N seeds, from MMU_FIRST=N on.
 */
#include "tests/host/mmu_guest.h"
#include <stdlib.h>

#define DEFAULT_SEEDS 100
#define STEPS         500
#define PAGES         40
#define STRIDE        29 /* pages between two; so they lie in three page tables */
#define DATA          MIB(5)
#define OTHER_WAY     GIB(1) /* to GVA's page table as a page directory, in some of the runs */

/* What CR3 names: root, or a table of five levels that leads to it, for users and for the kernel. */
static u64 top;

/* A page that nobody may use, in a part of the address space where nothing else is: no shadow table leads there. */
static u64 forbidden;

static u64 page(u32 i)
{
	return GVA + (u64)i * STRIDE * PAGE_SIZE;
}

/* The same pages more often than others. */
static u64 some_page(void)
{
	return page(one_in(&rng, 3) ? rnd(&rng, PAGES) : rnd(&rng, 6));
}

static u64 some_frame(void)
{
	switch (rnd(&rng, 40)) {
	case 0:
		return pte(GVA) & PTE_ADDR; /* a table */
	case 1:
		return pde(GVA) & PTE_ADDR;
	case 2:
		return KIB(640); /* no RAM */
	case 3:
		return SIM_HIDDEN_START;
	default:
		return DATA + rnd(&rng, 24) * PAGE_SIZE;
	}
}

static u64 some_entry(void)
{
	u64 e = some_frame();

	e |= one_in(&rng, 6) ? 0 : PTE_P;
	e |= one_in(&rng, 4) ? 0 : PTE_W;
	e |= one_in(&rng, 3) ? 0 : PTE_U;
	e |= one_in(&rng, 2) ? PTE_A : 0;
	e |= one_in(&rng, 2) ? PTE_D : 0;
	e |= one_in(&rng, 8) ? PTE_PAT | PTE_G : 0;
	if ((sim.regs.efer & EFER_NXE) && one_in(&rng, 4))
		e |= PTE_NX;
	if (one_in(&rng, 8))
		e |= (u64)rnd(&rng, 4) << PTE_PK_SHIFT;
	return one_in(&rng, 40) ? e | BIT(rnd(&rng, 64)) : e;
}

static void change(u64 gpa, u64 gva, u64 entry)
{
	put(gpa, entry);
	if (!one_in(&rng, 8))
		sim_invlpg(&sim, gva);
}

/* Several pages in a row, as a guest reads them whose A bits were cleared. */
static void age_and_read(void)
{
	u64 at = GVA + rnd(&rng, 32) * PAGE_SIZE;

	for (u32 i = 0; i < 12; i++)
		put(pte(at + i * PAGE_SIZE),
		    (DATA + i * PAGE_SIZE) | PTE_P | PTE_U | (one_in(&rng, 8) ? PTE_A : 0));
	sim_set_cr3(&sim, top);
	for (u32 i = 0; i < 12; i++)
		try(at + i * PAGE_SIZE, (one_in(&rng, 9) ? FETCH : READ) | USER, NULL);
}

/* As a kernel maps a file: some entries around the one that has faulted, and then the access is made again. */
static void map_around(void)
{
	u64 at = GVA + (rnd(&rng, 31) * 16 + (one_in(&rng, 4) ? rnd(&rng, 16) : 0)) * PAGE_SIZE;
	u32 n = one_in(&rng, 4) ? 1 + rnd(&rng, 32) : 16, access = rnd(&rng, n < 16 ? n : 16);

	for (u32 i = 0; i < n && one_in(&rng, 8); i++)
		put(pte(at + i * PAGE_SIZE), 0);
	if (one_in(&rng, 16))
		sim_set_cr3(&sim, top);
	try(at + access * PAGE_SIZE, READ | USER, NULL);
	for (u32 i = 0; i < n; i++) {
		u64 there = pte(at + i * PAGE_SIZE);

		if (!(sim_read(there, 8) & PTE_P))
			put(there, one_in(&rng, 16) ? some_entry()
						    : (DATA + rnd(&rng, 24) * PAGE_SIZE) | USER_RO);
	}
	try(at + access * PAGE_SIZE, (one_in(&rng, 4) ? WRITE : READ) | USER, NULL);
}

static void runs(void)
{
	for (u32 i = rnd(&rng, 8); i > 0; i--)
		map_around();
}

/* Two page tables change places: links go, and no table does. */
static void exchange(void)
{
	u64 a = entry_at(root, 4, GVA, 2), b = entry_at(root, 4, GVA + MIB(2), 2);
	u64 was = sim_read(a, 8);

	put(a, sim_read(b, 8));
	put(b, was);
	sim_set_cr3(&sim, top);
}

static int levels(void)
{
	return top == root ? 4 : 5;
}

static u64 upper_entry(u64 gva)
{
	if (levels() == 5 && one_in(&rng, 4))
		return entry_at(top, 5, gva, 5);
	return entry_at(root, 4, gva, 2 + rnd(&rng, 3));
}

/* An upper entry on the way to it comes or goes, and no link does. */
static void try_forbidden(void)
{
	u64 at = entry_at(top, levels(), forbidden, 2 + rnd(&rng, levels() - 1));

	for (u32 i = 0; i < 3; i++) {
		try(forbidden, WRITE | USER, NULL);
		if (one_in(&rng, 2))
			change(at, forbidden, sim_read(at, 8) ^ PTE_P);
	}
	put(at, sim_read(at, 8) | PTE_P);
}

static void step(void)
{
	u64 gva = some_page(), at = pte(gva), old = sim_read(at, 8);

	if (one_in(&rng, 8))
		guest_pkru = one_in(&rng, 2) ? 0 : rnd(&rng, 256);
	switch (rnd(&rng, 15)) {
	case 0:
	case 1:
		change(at, gva, some_entry());
		break;
	case 2:
		change(at, gva, old & ~(PTE_A | PTE_D));
		break;
	case 3:
		change(at, gva, old & ~(one_in(&rng, 2) ? PTE_W : PTE_D));
		break;
	case 4:
		change(at, gva,
		       DATA + rnd(&rng, 24) * PAGE_SIZE + USER_RO + (one_in(&rng, 2) ? PTE_W : 0));
		break;
	case 5:
		if (one_in(&rng, 4))
			age_and_read();
		else if (one_in(&rng, 3))
			sim_set_cr3(&sim, top);
		else if (one_in(&rng, 3))
			exchange();
		else
			runs();
		break;
	case 6:
		if (one_in(&rng, 4)) {
			at = upper_entry(gva);
			change(at, gva,
			       sim_read(at, 8) ^ (one_in(&rng, 3) ? PTE_A : PTE_U | PTE_W));
			break;
		}
		at = upper_entry(gva);
		change(at, gva, sim_read(at, 8) | UPPER);
		break;
	case 7:
		try_forbidden();
		break;
	default:
		try(one_in(&rng, 16) ? gva + OTHER_WAY : gva,
		    (one_in(&rng, 8) ? FETCH : rnd(&rng, 2)) | (one_in(&rng, 3) ? 0 : USER) |
			    (one_in(&rng, 2) ? AC : 0),
		    NULL);
	}
}

static void load_registers(u64 cr0, u64 cr4, u64 efer)
{
	top = root;
	if (one_in(&rng, 3)) {
		top = table();
		sim_poke(&sim, entry_at(top, 5, GVA, 5), root | UPPER, 8);
		sim_poke(&sim, entry_at(top, 5, DIRECT, 5), root | UPPER, 8);
		cr4 |= CR4_LA57;
	}
	forbidden = GVA + BIT(levels() == 5 ? 48 : 39);
	sim_poke(&sim, entry_at(top, levels(), forbidden, 1), DATA | USER_RO, 8);
	sim_set_regs(&sim, CR0_PG | CR0_PE | cr0, top, CR4_PAE | cr4, EFER_LMA | efer, true);
}

static void start(u64 seed)
{
	struct sim_config c = plain;
	u64 cr4 = 0;

	rnd_seed(&rng, seed);
	guest_pkru = 0;
	c.traps = one_in(&rng, 2) ? SIM_TRAPS_ADDRESS : rnd(&rng, 3);
	c.sync = one_in(&rng, 2) ? MMU_SYNC_HYBRID : rnd(&rng, 3);
	c.bypass = !one_in(&rng, 4);
	c.features.amd = one_in(&rng, 4);
	c.pool_size = sim_least_pool(&c) + 48 * PAGE_SIZE;
	machine(&c);
	rnd_seed(&rng, seed);
	sim.audit_each = false;
	sim.straight_each = true;
	root = new_root();
	for (u32 i = 0; i < PAGES; i++)
		sim_poke(&sim, pte(page(i)), (DATA + i % 24 * PAGE_SIZE) | USER_RO, 8);
	if (one_in(&rng, 4))
		sim_poke(&sim, entry_at(root, 4, GVA + OTHER_WAY, 3), (pte(GVA) & PTE_ADDR) | UPPER,
			 8);
	cr4 |= one_in(&rng, 3) ? CR4_SMEP : 0;
	cr4 |= one_in(&rng, 3) ? CR4_SMAP : 0;
	cr4 |= one_in(&rng, 3) ? CR4_PKE : 0;
	cr4 |= one_in(&rng, 2) ? CR4_PSE : 0;
	load_registers(one_in(&rng, 8) ? 0 : CR0_WP, cr4, one_in(&rng, 4) ? 0 : EFER_NXE);
}

static u64 option(const char *name, u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void each_way_is_the_general_one(void **state)
{
	u64 first = option("MMU_FIRST", 1), nr = option("MMU_SEEDS", DEFAULT_SEEDS);
	u64 straight[MMU_STRAIGHT_MENDED + 1] = {0}, all = 0;

	(void)state;
	for (u64 seed = first; seed < first + nr; seed++) {
		start(seed);
		for (u32 i = 0; i < STEPS; i++)
			step();
		sim_check(&sim);
		for (u32 way = MMU_STRAIGHT_WRITE; way <= MMU_STRAIGHT_MENDED; way++)
			straight[way] += sim.stats.straight[way];
		all += sim.counters.value[CNT_pf_taken];
	}
	/* A fault in two goes its straight way; most of those that have one should. */
	print_message(
		"%lu faults; straight: %lu writes to tables, %lu of the guest's own, %lu mended\n",
		all, straight[MMU_STRAIGHT_WRITE], straight[MMU_STRAIGHT_OWN],
		straight[MMU_STRAIGHT_MENDED]);
	assert_true(straight[MMU_STRAIGHT_WRITE] > 20 * nr);
	assert_true(straight[MMU_STRAIGHT_OWN] > 20 * nr);
	assert_true(straight[MMU_STRAIGHT_MENDED] > 5 * nr);
}

/*
 * A table out of sync still maps a page that is a table, and the guest's entry for it is gone: whether the write that the
 * CPU makes by the old one is a write to a table, the straight way and the general one say the same.
 */
static void write_to_a_table_by_an_entry_that_is_gone(void **state)
{
	struct sim_config c = plain;
	u64 other = GVA + MIB(2), pt;

	(void)state;
	c.user_filter = MMU_USER_NEVER;
	(void)one_page(&c, PAGE_A | USER_RO);
	sim.straight_each = true;
	pt = table();
	put(pde(other), pt | UPPER);
	put(pt, PAGE_A | USER_RW);
	works(other, READ | USER);
	put(pte(GVA + PAGE_SIZE), pt | USER_RW);
	works(GVA + PAGE_SIZE, READ | USER);
	/* Of these some go the straight way, by which the way to here is remembered. */
	for (u32 n = 0; n < 16; n++)
		faults(GVA, WRITE | USER, 7);
	mmu_let_unsync(&sim.v, pte(GVA));
	put(pte(GVA + PAGE_SIZE), 0);
	(void)try(GVA + PAGE_SIZE, WRITE | USER, NULL);
	sim_check(&sim);
}

/*
 * With SMAP a supervisor's fault depends on RFLAGS.AC, and on what the instruction is; but not that of a write to what
 * nobody may write, as a kernel's to a user's page that is shared since a fork: it goes the straight way.
 */
static void supervisors_write_where_nobody_may(void **state)
{
	u64 own;

	(void)state;
	for (u32 ac = 0; ac <= AC; ac += AC) {
		machine(&plain);
		sim.straight_each = true;
		root = new_root();
		sim_poke(&sim, pte(GVA), PAGE_A | USER_RO, 8);
		run_4level(CR0_WP, CR4_SMAP, 0);
		works(GVA, READ | AC);
		for (u32 n = 0; n < 16; n++)
			faults(GVA, WRITE | ac, 3);
		/* Half of them go the general way: straight_fault(). */
		own = sim.stats.straight[MMU_STRAIGHT_OWN];
		assert_in_range(own, 4, 16);
		for (u32 n = 0; n < 16; n++)
			faults(GVA, READ, 1);
		assert_int_equal(sim.stats.straight[MMU_STRAIGHT_OWN], own);
		sim_check(&sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_way_is_the_general_one, judged),
		cmocka_unit_test_setup(write_to_a_table_by_an_entry_that_is_gone, judged),
		cmocka_unit_test_setup(supervisors_write_where_nobody_may, judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
