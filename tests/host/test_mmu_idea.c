/* SPDX-License-Identifier: MIT */
/*
 * Directed tests of the shadow MMU. The idea: not-present faults that do not exit, what a fault and a flood
 * cost, and A and D flags.
 */
#include "tests/host/mmu_guest.h"

static void not_present_faults_do_not_exit(void **state)
{
	(void)state;
	machine(&plain);
	root = new_root();
	pte(GVA);
	run_4level(CR0_WP, 0, 0);
	faults(GVA, READ | USER, 4);
	(void)exits();
	for (u32 i = 0; i < 64; i++)
		faults(GVA + i * PAGE_SIZE, WRITE | USER, 6);
	assert_int_equal(exits(), 0);
	/* At the upper levels too. */
	faults(GVA + GIB(1), READ | USER, 4);
	faults(GVA + GIB(512), WRITE, 2);
	faults(GVA + GIB(512), FETCH | USER, 4);
	assert_int_equal(exits(), 0);
}

static void demand_page_costs_one_exit(void **state)
{
	struct sim_config c = plain;
	u64 at;

	(void)state;
	for (u32 hybrid = 0; hybrid < 2; hybrid++) {
		c.sync = hybrid ? MMU_SYNC_HYBRID : MMU_SYNC_ALWAYS;
		machine(&c);
		root = new_root();
		at = pte(GVA);
		run_4level(CR0_WP, 0, 0);
		faults(GVA, WRITE | USER, 6);
		put(at, PAGE_A | USER_RW);
		works(GVA, WRITE | USER);
		for (u32 i = 1; i < 64; i++) {
			(void)exits();
			faults(GVA + i * PAGE_SIZE, WRITE | USER, 6);
			put(at + 8 * i, (PAGE_A + i * PAGE_SIZE) | USER_RW);
			works(GVA + i * PAGE_SIZE, WRITE | USER);
			assert_int_equal(exits(), 1);
		}
	}
}

/* Entries 1 .. nr of a table, none of them used. */
static void write_entries(u64 at, u32 nr, u64 entry)
{
	for (u32 i = 1; i <= nr; i++)
		put(at + 8 * i, entry);
}

/* The fourth write to a table whose entries are not used unsyncs it; the second, where that paid. */
static void flood_costs_four_exits(void **state)
{
	struct sim_config c = plain;
	u64 at;

	(void)state;
	c.sync = MMU_SYNC_HYBRID;
	at = one_page(&c, PAGE_A | USER_RW);
	works(GVA, READ | USER);
	(void)exits();
	write_entries(at, 64, PAGE_A | USER_RO);
	assert_int_equal(exits(), 4);
	sim_set_cr3(&sim, root);
	(void)exits();
	write_entries(at, 64, PAGE_B | USER_RO);
	assert_int_equal(exits(), 2);
	/* One entry that is written twice is no flood. */
	sim_set_cr3(&sim, root);
	(void)exits();
	for (u32 i = 0; i < 3; i++)
		write_entries(at, 1, i & 1 ? PAGE_A | USER_RO : 0);
	assert_int_equal(exits(), 3);
	assert_false(sim.v.hw.exit_invlpg);
}

/*
 * Where little was written while a table was out of sync, the next flood has to show itself anew, and by more
 * writes: 4 at first, then 3 and 9 more.
 */
static void short_flood_does_not_pay(void **state)
{
	struct sim_config c = plain;
	u64 at;

	(void)state;
	c.sync = MMU_SYNC_HYBRID;
	at = one_page(&c, PAGE_A | USER_RW);
	works(GVA, READ | USER);
	for (u32 i = 0; i < 4; i++) {
		u64 page = i & 1 ? PAGE_A : PAGE_B;
		u32 shown = i == 0 ? 4 : i == 1 ? 7 : 13;

		(void)exits();
		/* Three of them after it went out of sync. */
		write_entries(at, shown + 3, page | USER_RO);
		assert_int_equal(exits(), shown);
		assert_true(sim.v.hw.exit_invlpg);
		sim_set_cr3(&sim, root);
	}
}

static void no_flood_but_with_hybrid(void **state)
{
	u64 at;

	(void)state;
	at = one_page(&plain, PAGE_A | USER_RW);
	works(GVA, READ | USER);
	(void)exits();
	write_entries(at, 16, PAGE_A | USER_RO);
	assert_int_equal(exits(), 16);
	assert_false(sim.v.hw.exit_invlpg);
}

static void accessed_and_dirty(void **state)
{
	u64 at, large;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	large = pde(GVA + MIB(2));
	sim_poke(&sim, at, PAGE_A | PTE_P | PTE_W | PTE_U, 8);
	sim_poke(&sim, large, MIB(4) | PTE_PS | PTE_P | PTE_W | PTE_U, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, READ | USER);
	assert_int_equal(sim_read(at, 8) & (PTE_A | PTE_D), PTE_A);
	works(GVA, WRITE | USER);
	assert_int_equal(sim_read(at, 8) & (PTE_A | PTE_D), PTE_A | PTE_D);
	works(GVA + MIB(2), FETCH | USER);
	assert_int_equal(sim_read(large, 8) & (PTE_A | PTE_D), PTE_A);
	works(GVA + MIB(3), WRITE | USER);
	assert_int_equal(sim_read(large, 8) & (PTE_A | PTE_D), PTE_A | PTE_D);
}

/* Pages that are read in sequence: A is set ahead from the second on, up to the end of a line of entries. */
static void accessed_ahead_of_a_sequence(void **state)
{
	u64 at;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	for (u32 i = 0; i < 64; i++)
		sim_poke(&sim, at + 8 * i, PAGE_A | (USER_RW & ~PTE_A), 8);
	/* What such a read might not use is left alone. */
	sim_poke(&sim, at + 8 * 20, PAGE_A | PTE_P, 8);
	sim_poke(&sim, at + 8 * 36, 0, 8);
	sim_poke(&sim, at + 8 * 44, PAGE_A | PTE_NX | (USER_RW & ~PTE_A), 8);
	sim_poke(&sim, at + 8 * 52, PAGE_A | 1ULL << PTE_PK_SHIFT | (USER_RW & ~PTE_A), 8);
	sim_poke(&sim, at + 8 * 60, PAGE_A | 1ULL << 50 | (USER_RW & ~PTE_A), 8);
	run_4level(CR0_WP, CR4_PKE, EFER_NXE);
	works(GVA, READ | USER);
	assert_false(sim_read(at + 8, 8) & PTE_A);
	(void)exits();
	for (u32 i = 1; i < 20; i++)
		works(GVA + i * PAGE_SIZE, READ | USER);
	assert_int_equal(exits(), 3);
	assert_false(sim_read(at + 8 * 20, 8) & PTE_A);
	assert_false(sim_read(at + 8 * 21, 8) & PTE_A);
	/* A write sets D, which nobody sets ahead, nor A beside it. */
	for (u32 i = 24; i < 28; i++)
		works(GVA + i * PAGE_SIZE, WRITE | USER);
	assert_false(sim_read(at + 8 * 28, 8) & PTE_A);
	for (u32 i = 33; i < 36; i++)
		works(GVA + i * PAGE_SIZE, READ | USER);
	assert_int_equal(sim_read(at + 8 * 36, 8), 0);
	faults(GVA + 36 * PAGE_SIZE, READ | USER, 4);
	for (u32 i = 44; i < 64; i += 8) {
		works(GVA + (i - 3) * PAGE_SIZE, READ | USER);
		works(GVA + (i - 2) * PAGE_SIZE, READ | USER);
		assert_true(sim_read(at + 8 * (i - 1), 8) & PTE_A);
		assert_false(sim_read(at + 8 * i, 8) & PTE_A);
	}
}

/* The tables that a walk has used say so, though it ended at an entry that is not present. */
static void accessed_on_the_way_to_nothing(void **state)
{
	(void)state;
	machine(&plain);
	root = new_root();
	pte(GVA);
	for (int level = 2; level <= 4; level++) {
		u64 at = entry_at(root, 4, GVA, level);

		sim_poke(&sim, at, sim_read(at, 8) & ~PTE_A, 8);
	}
	run_4level(CR0_WP, 0, 0);
	faults(GVA, READ | USER, 4);
	for (int level = 2; level <= 4; level++)
		assert_true(sim_read(entry_at(root, 4, GVA, level), 8) & PTE_A);
	(void)exits();
	faults(GVA, READ | USER, 4);
	assert_int_equal(exits(), 0);
}

static void garbage_in_a_not_present_entry(void **state)
{
	u64 at;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	sim_poke(&sim, at, ~PTE_P, 8);
	sim_poke(&sim, pde(GVA + MIB(2)), 0x7fffffff00000ffeULL, 8);
	run_4level(CR0_WP, 0, EFER_NXE);
	faults(GVA, READ, 0);
	faults(GVA + MIB(2), FETCH | USER, 0x14);
	(void)exits();
	faults(GVA, READ, 0);
	faults(GVA + MIB(2), FETCH | USER, 0x14);
	assert_int_equal(exits(), 0);
	put(at, ~PTE_P ^ 0xff0);
	faults(GVA, READ, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_present_faults_do_not_exit),
		cmocka_unit_test(demand_page_costs_one_exit),
		cmocka_unit_test(flood_costs_four_exits),
		cmocka_unit_test(short_flood_does_not_pay),
		cmocka_unit_test(no_flood_but_with_hybrid),
		cmocka_unit_test(accessed_and_dirty),
		cmocka_unit_test(accessed_ahead_of_a_sequence),
		cmocka_unit_test(accessed_on_the_way_to_nothing),
		cmocka_unit_test(garbage_in_a_not_present_entry),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
