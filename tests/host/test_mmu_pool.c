/* SPDX-License-Identifier: MIT */
/* Directed tests of the shadow MMU. Traps that are not proved, and the pool. */
#include "tests/host/mmu_guest.h"

static void filter_follows_the_traps(void **state)
{
	struct sim_config c = plain;

	(void)state;
	c.traps = SIM_TRAPS_NONE;
	machine(&c);
	root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	assert_false(sim.v.hw.filter_present);
	works(GVA, WRITE | USER);
	faults(GVA + PAGE_SIZE, WRITE | USER, 6);
	assert_int_equal(sim.stats.bypassed, 0);
	c.bypass = false;
	c.traps = SIM_TRAPS_ADDRESS;
	machine(&c);
	root = new_root();
	run_4level(CR0_WP, 0, 0);
	assert_false(sim.v.hw.filter_present);
}

/*
 * The CPU may still hold a link that was there, to a table with a trap that looks not present: the
 * filter must not come on before that is forgotten, though no such table is reached any more.
 */
static void filter_waits_for_old_links(void **state)
{
	struct sim_config c = plain;
	u64 other, up;

	(void)state;
	c.features.maxphyaddr = 52;
	c.traps = SIM_TRAPS_STRUCTURAL;
	for (u32 seed = 1; seed <= 20; seed++) {
		machine(&c);
		rnd_seed(&rng, seed);
		root = new_root();
		sim_poke(&sim, pte(GVA), PAGE_A | USER_RW, 8);
		/* A=0: the soft trap, once the table is there. */
		sim_poke(&sim, pte(GVA + PAGE_SIZE), PAGE_B | PTE_P | PTE_W | PTE_U, 8);
		up = entry_at(root, 4, GVA, 4);
		other = new_root();
		sim_poke(&sim, other, sim_read(up, 8), 8);
		run_4level(CR0_WP, 0, 0);
		works(GVA, READ | USER);
		/* The tables live on under another root. */
		sim_set_cr3(&sim, other);
		works(GVA, READ | USER);
		sim_set_cr3(&sim, root);
		works(GVA, READ | USER);
		assert_false(sim.v.hw.filter_present);
		/* The hypervisor's memory reads as ones: reserved bits. */
		put(up, SIM_HIDDEN_START | UPPER);
		(void)try(GVA + PAGE_SIZE, READ | USER, NULL);
	}
}

/* Many address spaces, each mapping much: the pool recycles, and nothing fails. */
static void pool_is_bounded(void **state)
{
	struct sim_config c = plain;

	(void)state;
	for (u64 ram = MIB(256); ram <= GIB(256); ram *= 4)
		assert_in_range(mmu_memory_size(ram, ram), 1, ram / 1000 * (MMU_POOL_PERMILLE + 4));
	/* On a PC with this much there are 2 GiB below 4 GiB, and the guest wants some. */
	assert_in_range(mmu_memory_size(GIB(256), GIB(256)), 1, GIB(1) + MIB(64));
	for (u32 tiny = 0; tiny < 2; tiny++) {
		c.pool_size = tiny ? sim_least_pool(&c) : 0;
		machine(&c);
		for (u32 space = 0; space < 24; space++) {
			root = new_root();
			for (u32 i = 0; i < 16; i++)
				sim_poke(&sim, pte(GVA + i * MIB(2)), PAGE_A | USER_RW, 8);
			sim_poke(&sim, MIB(25) + 8 * space, root, 8);
		}
		for (u32 round = 0; round < 2; round++) {
			for (u32 space = 0; space < 24; space++) {
				root = sim_read(MIB(25) + 8 * space, 8);
				run_4level(CR0_WP, 0, 0);
				for (u32 i = 0; i < 16; i++) {
					works(GVA + i * MIB(2), WRITE | USER);
					faults(GVA + i * MIB(2) + PAGE_SIZE, READ | USER, 4);
				}
			}
		}
		assert_true(sim.counters.value[CNT_mmu_recycled] > 0);
		sim_finish(&sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter_follows_the_traps),
		cmocka_unit_test(filter_waits_for_old_links),
		cmocka_unit_test(pool_is_bounded),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
