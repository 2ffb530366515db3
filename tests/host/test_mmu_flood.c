/* SPDX-License-Identifier: MIT */
/*
 * Floods on upper tables: INVLPG after each change, or none, in every mode that has large pages. What is
 * asserted is counted: writes that were carried out, passes over tables, INVLPGs that were asked to exit.
 */
#include "arch/cpu.h"
#include "tests/host/sim.h"
#include "tests/host/sim_mem.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TABLES  MIB(2)  /* the root first */
#define WINDOW  MIB(64) /* where the tables are, by small pages */
#define PAGES   GIB(1)  /* large pages; 1G ones go on from there */
#define UPPER   (PTE_P | PTE_W | PTE_U | PTE_A)
#define USER_RO (PTE_P | PTE_U | PTE_A)

static struct sim sim;
static struct rnd rng;

/* A kind of large page, and the mode that has it. */
struct large {
	u32 entry_size, level;
	u64 size, cr4, efer;
};

static const struct large kinds[] = {
	{8, 2, MIB(2), CR4_PAE, EFER_LMA},
	{8, 3, GIB(1), CR4_PAE, EFER_LMA},
	{8, 2, MIB(2), CR4_PAE, 0}, /* PAE */
	{4, 2, MIB(4), CR4_PSE, 0},
};

static u64 pd, pages; /* the table of the large pages; the first of them */

static void poke(const struct large *k, u64 table, u32 i, u64 entry)
{
	sim_poke(&sim, table + i * k->entry_size, entry, k->entry_size);
}

/* What an entry says before, and after (other): another page, or the same with another memory type. */
static u64 large_entry(const struct large *k, u32 other)
{
	return (k->level == 3 ? 0 : other ? MIB(24) : 0) | PTE_PS | USER_RO | (other ? PTE_PCD : 0);
}

/* Read them all: that each is the page it should be, the harness judges. */
static void read_all(const struct large *k, u32 n)
{
	u32 pfec;

	sim_check(&sim);
	for (u32 i = 0; i < n; i++) {
		struct ref_access a = {.gva = pages + i * k->size};

		assert_int_equal(sim_access(&sim, &a, NULL, 8, &pfec), SIM_DONE);
	}
}

/* Tables, with n large pages that have been read. */
static void start(const struct large *k, enum mmu_sync sync, u32 n)
{
	static const struct sim_config plain = {
		.features = {.maxphyaddr = 40, .nx = true, .pages_1g = true, .pse36 = true},
		.bypass = true,
		.vpid = true,
		.pdptes_keep = true,
	};
	struct sim_config c = plain;
	u64 root = TABLES, pt = TABLES + 8 * PAGE_SIZE, low = TABLES + 3 * PAGE_SIZE;

	c.sync = sync;
	rnd_seed(&rng, 1);
	sim_init(&sim, &c, &rng);
	sim.emulate_all = true;
	for (u32 i = 0; i < 16; i++)
		poke(k, pt, i, (TABLES + i * PAGE_SIZE) | PTE_P | PTE_W | PTE_A | PTE_D);
	if (k->entry_size == 4) {
		poke(k, root, WINDOW / MIB(4), pt | UPPER);
		pd = root + PAGES / MIB(4) * 4;
	} else if (!k->efer) {
		poke(k, root, 0, low | PTE_P);
		poke(k, root, 1, (low + PAGE_SIZE) | PTE_P);
		pd = low + PAGE_SIZE;
	} else {
		poke(k, root, 0, (root + PAGE_SIZE) | UPPER);
		poke(k, root + PAGE_SIZE, 0, low | UPPER);
		poke(k, root + PAGE_SIZE, 1, (low + PAGE_SIZE) | UPPER);
		poke(k, root, 1, (low + 2 * PAGE_SIZE) | UPPER);
		pd = low + (k->level == 3 ? 2 : 1) * PAGE_SIZE;
	}
	if (k->entry_size == 8)
		poke(k, low, WINDOW / MIB(2), pt | UPPER);
	pages = k->level == 3 ? GIB(512) : PAGES;
	for (u32 i = 0; i < n; i++)
		poke(k, pd, i, large_entry(k, 0));
	sim_set_regs(&sim, CR0_PG | CR0_PE | CR0_WP, root, k->cr4, k->efer, true);
	read_all(k, n);
}

static void put(const struct large *k, u32 i, u64 entry)
{
	struct ref_access a = {.gva = WINDOW + pd - TABLES + i * k->entry_size, .write = true};
	u32 pfec;

	assert_int_equal(sim_access(&sim, &a, &entry, k->entry_size, &pfec), SIM_DONE);
}

static u64 counter(enum counter which)
{
	return sim.counters.value[which];
}

static void change_one(const struct large *k, u32 i)
{
	put(k, i, large_entry(k, 1));
	sim_invlpg(&sim, pages + i * k->size);
}

/* n entries change, with an INVLPG after every few; returns how many of these were asked to exit. */
static u32 change(const struct large *k, u32 n, u32 stores, u32 every)
{
	u32 asked = 0;

	for (u32 i = 0; i < n; i++) {
		for (u32 half = 1; half < stores; half++)
			put(k, i, 0);
		put(k, i, large_entry(k, 1));
		if (every && i % every == every - 1) {
			asked += sim.v.hw.exit_invlpg;
			sim_invlpg(&sim, pages + i * k->size);
		}
	}
	return asked;
}

/* The root is in use all the time: it is no table that can be shut. */
static bool is_root(const struct large *k)
{
	return k->entry_size == 4;
}

/*
 * A kernel that changes large pages one by one: the fourth entry, with sync=never the second, lets the
 * table go, and nothing exits from then on. One INVLPG has exited before, to tell that it comes.
 */
static void one_by_one(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(kinds) * 4; i++) {
		const struct large *k = &kinds[i / 4];
		u32 stores = 1 + (i & 1), carried = (i & 2 ? 1 : 3) * stores + 1;
		u64 before, faults;

		if (is_root(k))
			continue;
		start(k, i & 2 ? MMU_SYNC_NEVER : MMU_SYNC_HYBRID, 100);
		before = counter(CNT_mmu_pte_write);
		faults = counter(CNT_pf_taken);
		assert_int_equal(change(k, 100, stores, 1), 1);
		assert_int_equal(counter(CNT_mmu_pte_write) - before, carried);
		assert_int_equal(counter(CNT_pf_taken) - faults, carried + 1);
		assert_int_equal(counter(CNT_mmu_unsync), 1);
		read_all(k, 100);

		/* The next time no INVLPG has to tell. */
		before = counter(CNT_mmu_pte_write);
		for (u32 j = 0; j < 100; j++)
			put(k, j, large_entry(k, 0));
		assert_int_equal(counter(CNT_mmu_pte_write) - before, i & 2 ? 1 : 2);
		read_all(k, 100);
	}
}

/*
 * The same for a root: each write is carried out, the table never leaves sync, and two INVLPGs exit to tell
 * that they come: at the write that comes before a flood, once early, and once where the first was vain.
 */
static void one_by_one_in_the_root(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(kinds) * 4; i++) {
		const struct large *k = &kinds[i / 4];
		u32 stores = 1 + (i & 1);
		u64 before;

		if (!is_root(k))
			continue;
		start(k, i & 2 ? MMU_SYNC_NEVER : MMU_SYNC_HYBRID, 100);
		before = counter(CNT_mmu_pte_write);
		assert_int_equal(change(k, 100, stores, 1), 2);
		assert_int_equal(counter(CNT_mmu_pte_write) - before, 100 * stores);
		assert_int_equal(counter(CNT_mmu_unsync), 0);
		read_all(k, 100);
	}
}

/* What n changes cost without INVLPG: writes that are carried out, the last of which lets the table go. */
static void flood(const struct large *k, u32 n, u32 writes)
{
	u64 before = counter(CNT_mmu_pte_write), unsyncs = counter(CNT_mmu_unsync);

	change(k, n, 1, 0);
	assert_int_equal(counter(CNT_mmu_pte_write) - before, writes);
	assert_int_equal(counter(CNT_mmu_unsync) - unsyncs, 1);
	sim_set_cr3(&sim, sim.regs.cr3);
	read_all(k, n);
}

/* The same once more: where the last flood has paid, the second write lets the table go. */
static void flood_again(const struct large *k, u32 n)
{
	for (u32 i = 0; i < n; i++)
		put(k, i, large_entry(k, 0));
	sim_set_cr3(&sim, sim.regs.cr3);
	read_all(k, n);
	flood(k, n, 2);
}

/* The fourth write lets the table go; with sync=never the second. */
static void all_at_once(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(kinds) * 2; i++) {
		const struct large *k = &kinds[i / 2];

		start(k, i & 1 ? MMU_SYNC_NEVER : MMU_SYNC_HYBRID, 100);
		flood(k, 100, i & 1 ? 2 : 4);
		flood_again(k, 100);
	}
}

/* After vain floods, one that pays is found all the same: at the 193rd write since, and then at once. */
static void all_at_once_after_vain_ones(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(kinds) * 2; i++) {
		const struct large *k = &kinds[i / 2];

		if (!is_root(k))
			continue;
		start(k, i & 1 ? MMU_SYNC_NEVER : MMU_SYNC_HYBRID, 400);
		/* The second one ended at the 29th write, with sync=never at the 27th. */
		change(k, 100, 1, 1);
		flood(k, 400, 193 - (100 - (i & 1 ? 27 : 29)));
		flood_again(k, 400);
	}
}

/*
 * A table that the guest needs all the time comes back at once. Each such flood is vain: the second one
 * begins after 24 writes, the third, and all others, after 192.
 */
static void one_by_one_in_use(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct large *k = &kinds[i];
		struct ref_access a = {.gva = pages + 511 * k->size};
		u64 before;
		u32 pfec;

		if (is_root(k))
			continue;
		start(k, MMU_SYNC_HYBRID, 512);
		a.gva = pages + 511 * k->size;
		before = counter(CNT_mmu_pte_write);
		for (u32 j = 0; j < 500; j++) {
			change_one(k, j);
			assert_int_equal(sim_access(&sim, &a, NULL, 8, &pfec), SIM_DONE);
		}
		assert_int_equal(counter(CNT_mmu_unsync), 4);
		assert_int_equal(counter(CNT_mmu_pte_write) - before, 500);
		read_all(k, 512);
	}
}

/* Two changes for each INVLPG: the first flood, let go without one between, shows that they come. */
static void two_by_two(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(kinds) * 2; i++) {
		const struct large *k = &kinds[i / 2];
		u64 before;

		start(k, i & 1 ? MMU_SYNC_NEVER : MMU_SYNC_HYBRID, 100);
		before = counter(CNT_mmu_pte_write);
		change(k, 100, 1, 2);
		assert_int_equal(counter(CNT_mmu_unsync), is_root(k) ? 1 : 2);
		assert_true(counter(CNT_mmu_pte_write) - before <= (is_root(k) ? 100 : 30));
		read_all(k, 100);
	}
}

/* A CPU may still hold the link to a table that is shut, and what the guest makes present there owes no flush. */
static void links_to_a_shut_table_are_forgotten(void **state)
{
	const struct large *k = &kinds[0];
	/* No part of the page is anybody else's: no flush comes by itself. */
	const u64 entry = MIB(4) | PTE_PS | USER_RO;
	u32 shut = 0, pfec;

	(void)state;
	for (u32 seed = 1; seed <= 20; seed++) {
		struct ref_access a = {.gva = pages};
		u64 unsync;

		start(k, MMU_SYNC_HYBRID, 64);
		rnd_seed(&rng, seed);
		for (u32 i = 64; i < 200; i++) {
			/* Some page of the table is used, but none that is new. */
			a.gva = pages + 63 * k->size;
			assert_int_equal(sim_access(&sim, &a, NULL, 8, &pfec), SIM_DONE);
			unsync = counter(CNT_mmu_unsync);
			put(k, i, entry);
			if (counter(CNT_mmu_unsync) != unsync)
				break;
			sim_invlpg(&sim, pages + i * k->size);
		}
		shut += !sim.v.hw.exit_invlpg;
		put(k, 200, entry);
		a.gva = pages + 200 * k->size;
		assert_int_equal(sim_access(&sim, &a, NULL, 8, &pfec), SIM_DONE);
		sim_finish(&sim);
	}
	assert_int_equal(shut, 20);
}

/* A guest may execute no INVLPG for long: while one is waited for, its loads of CR3 take the straight way as ever. */
static void loads_of_cr3_do_not_wait_for_an_invlpg(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct large *k = &kinds[i];
		u64 straight;

		if (!k->efer)
			continue;
		start(k, MMU_SYNC_HYBRID, 100);
		change(k, 3, 1, 0);
		assert_true(sim.v.hw.exit_invlpg);
		straight = sim.stats.straight_cr3;
		/* Of eight, the harness has one take the general way. */
		for (u32 n = 0; n < 64; n++)
			assert_int_equal(sim_set_cr3(&sim, sim.regs.cr3), 0);
		assert_in_range(sim.stats.straight_cr3 - straight, 48, 64);
		assert_true(sim.v.hw.exit_invlpg);
		read_all(k, 100);
		/* It exits when it comes, and then none does. */
		assert_int_equal(change(k, 2, 1, 1), 1);
		sim_finish(&sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_by_one),
		cmocka_unit_test(one_by_one_in_the_root),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(all_at_once_after_vain_ones),
		cmocka_unit_test(one_by_one_in_use),
		cmocka_unit_test(two_by_two),
		cmocka_unit_test(links_to_a_shut_table_are_forgotten),
		cmocka_unit_test(loads_of_cr3_do_not_wait_for_an_invlpg),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
