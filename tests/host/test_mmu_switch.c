/* SPDX-License-Identifier: MIT */
/*
 * The shadow MMU when the guest goes back and forth between address spaces: nothing is made anew
 * that is still what the guest's tables say.
 */
#include "arch/cpu.h"
#include "tests/host/sim.h"
#include "tests/host/sim_mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FLAGS (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define GVA   0xc0400000ULL /* in the last quarter */
#define DATA  MIB(4)

static struct sim sim;
static struct rnd rng;

static void machine(void)
{
	const struct sim_config config = {
		.features = {.maxphyaddr = 40, .nx = true, .pse36 = true},
		.traps = SIM_TRAPS_ADDRESS,
		.sync = MMU_SYNC_ALWAYS,
		.bypass = true,
		.vpid = true,
	};

	rnd_seed(&rng, 1);
	sim_init(&sim, &config, &rng);
}

/* Touch two pages of one table in each of the two address spaces in turn. */
static void back_and_forth(u64 cr3_a, u64 cr3_b)
{
	for (u32 i = 0; i < 16; i++) {
		assert_int_equal(sim_set_cr3(&sim, i & 1 ? cr3_b : cr3_a), 0);
		for (u64 gva = GVA; gva < GVA + 2 * PAGE_SIZE; gva += PAGE_SIZE) {
			struct ref_access a = {.gva = gva, .write = true};
			u64 value = i;
			u32 pfec;

			assert_int_equal(sim_access(&sim, &a, &value, 8, &pfec), SIM_DONE);
		}
	}
}

static void made_once(u64 cr3_a, u64 cr3_b)
{
	u64 made, exits;

	back_and_forth(cr3_a, cr3_b);
	made = sim.counters.value[CNT_mmu_shadow_new];
	exits = sim.stats.exits;
	back_and_forth(cr3_a, cr3_b);
	assert_int_equal(sim.counters.value[CNT_mmu_shadow_new], made);
	assert_int_equal(sim.counters.value[CNT_mmu_shadow_zapped], 0);
	/* A load of CR3 exits, and nothing else. */
	assert_int_equal(sim.stats.exits - exits, 16);
	sim_finish(&sim);
}

static void pae_tables_outlive_their_pdptes(void **state)
{
	(void)state;
	machine();
	for (u64 space = MIB(2); space <= MIB(3); space += MIB(1)) {
		for (u64 i = 0; i < 4; i++)
			sim_poke(&sim, space + 8 * i, (space + (1 + i) * PAGE_SIZE) | PTE_P, 8);
		sim_poke(&sim, space + 4 * PAGE_SIZE + 8 * (GVA >> 21 & 511),
			 (space + 5 * PAGE_SIZE) | FLAGS, 8);
		for (u64 i = 0; i < 2; i++)
			sim_poke(&sim, space + 5 * PAGE_SIZE + 8 * i,
				 (DATA + i * PAGE_SIZE) | FLAGS, 8);
	}
	assert_int_equal(sim_set_regs(&sim, CR0_PG | CR0_PE | CR0_WP, MIB(2), CR4_PAE, 0, true), 0);
	made_once(MIB(2), MIB(3));
}

static void legacy_tables_outlive_their_root(void **state)
{
	(void)state;
	machine();
	for (u64 space = MIB(2); space <= MIB(3); space += MIB(1)) {
		sim_poke(&sim, space + 4 * (GVA >> 22), (space + PAGE_SIZE) | FLAGS, 4);
		for (u64 i = 0; i < 2; i++)
			sim_poke(&sim, space + PAGE_SIZE + 4 * i, (DATA + i * PAGE_SIZE) | FLAGS,
				 4);
	}
	assert_int_equal(sim_set_regs(&sim, CR0_PG | CR0_PE | CR0_WP, MIB(2), 0, 0, true), 0);
	made_once(MIB(2), MIB(3));
}

/* With PCIDs and without a flush that is asked for: the same two roots, and CR3 reads as it was written. */
static void pcids_name_the_same_roots(void **state)
{
	const u64 cr3_a = MIB(2) | 1, cr3_b = MIB(3) | 2;

	(void)state;
	machine();
	for (u64 space = MIB(2); space <= MIB(3); space += MIB(1)) {
		u64 entry[] = {space, space + PAGE_SIZE + 8 * (GVA >> 30),
			       space + 2 * PAGE_SIZE + 8 * (GVA >> 21 & 511)};

		for (u64 i = 0; i < 3; i++)
			sim_poke(&sim, entry[i], (space + (i + 1) * PAGE_SIZE) | FLAGS, 8);
		for (u64 i = 0; i < 2; i++)
			sim_poke(&sim, space + 3 * PAGE_SIZE + 8 * i,
				 (DATA + i * PAGE_SIZE) | FLAGS, 8);
	}
	assert_int_equal(sim_set_regs(&sim, CR0_PG | CR0_PE | CR0_WP, MIB(2), CR4_PAE | CR4_PCIDE,
				      EFER_LMA, true),
			 0);
	made_once(cr3_a | CR3_NOFLUSH, cr3_b | CR3_NOFLUSH);
	assert_true(sim.stats.straight_cr3 > 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pae_tables_outlive_their_pdptes),
		cmocka_unit_test(legacy_tables_outlive_their_root),
		cmocka_unit_test(pcids_name_the_same_roots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
