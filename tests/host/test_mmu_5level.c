/* SPDX-License-Identifier: MIT */
/* Directed tests of the shadow MMU: tables of five levels. */
#include "tests/host/mmu_guest.h"

static void five_level_tables(void **state)
{
	u64 top, gva = 0x00ff000000400000ULL;

	(void)state;
	machine(&plain);
	root = new_root();
	top = table();
	sim_poke(&sim, top + 8 * 511, root | UPPER, 8);
	sim_poke(&sim, entry_at(top, 5, gva, 1), PAGE_A | USER_RW, 8);
	sim_set_regs(&sim, CR0_PG | CR0_PE | CR0_WP, top, CR4_PAE | CR4_LA57, EFER_LMA, true);
	works(gva, WRITE | USER);
	faults(gva + PAGE_SIZE, WRITE | USER, 6);
	faults(GVA, READ, 0);
	(void)exits();
	faults(gva + 2 * PAGE_SIZE, WRITE | USER, 6);
	faults(GVA, READ, 0);
	assert_int_equal(exits(), 0);
	works(DIRECT + PAGE_A, WRITE);
}

#define FIVE 0x00aa000000400000ULL /* an address that four levels do not have */

static void run_5level(u64 top, u64 efer)
{
	sim_set_regs(&sim, CR0_PG | CR0_PE | CR0_WP, top, CR4_PAE | CR4_LA57, EFER_LMA | efer,
		     true);
}

/* A root of five levels over new_root()'s four, with FIVE mapped. */
static u64 new_root_5(void)
{
	u64 top;

	root = new_root();
	top = table();
	sim_poke(&sim, top + 8 * 511, root | UPPER, 8);
	sim_poke(&sim, entry_at(top, 5, FIVE, 1), PAGE_A | USER_RW, 8);
	return top;
}

/* Not present, reserved and A=0, at each of the levels in turn. */
static void faults_at_five_levels(void **state)
{
	(void)state;
	for (u32 traps = SIM_TRAPS_ADDRESS; traps <= SIM_TRAPS_NONE; traps++) {
		struct sim_config c = plain;
		u64 top;

		c.traps = traps;
		c.user_filter = MMU_USER_NEVER;
		machine(&c);
		top = new_root_5();
		run_5level(top, 0);
		works(FIVE, WRITE | USER);
		for (int level = 5; level >= 1; level--) {
			u64 at = entry_at(top, 5, FIVE, level), good = sim_read(at, 8);

			put(at, good & ~PTE_P);
			sim_invlpg(&sim, FIVE);
			faults(FIVE, READ | USER, 4);
			(void)exits();
			faults(FIVE, READ | USER, 4);
			faults(FIVE + 8, WRITE, 2);
			if (traps == SIM_TRAPS_ADDRESS)
				assert_int_equal(exits(), 0);
			/* No flush is owed for these. */
			put(at, good | PTE_NX);
			faults(FIVE, READ | USER, 0xd);
			put(at, good | 1ULL << 45);
			faults(FIVE, READ, 9);
			if (level >= 4) {
				put(at, good | PTE_PS);
				faults(FIVE, WRITE | USER, 0xf);
			}
			put(at, good & ~PTE_A);
			works(FIVE, READ | USER);
			assert_int_equal(sim_read(at, 8), good);
			put(at, good & ~PTE_U);
			sim_invlpg(&sim, FIVE);
			faults(FIVE, READ | USER, 5);
			put(at, good);
			works(FIVE, WRITE | USER);
		}
		sim_finish(&sim);
	}
}

static void reserved_bit_8_of_a_pml5e_on_amd(void **state)
{
	struct sim_config c = plain;
	u64 top;

	(void)state;
	c.features.amd = true;
	machine(&c);
	top = new_root_5();
	sim_poke(&sim, entry_at(top, 5, FIVE, 5), sim_read(entry_at(top, 5, FIVE, 5), 8) | PTE_G,
		 8);
	run_5level(top, 0);
	faults(FIVE, READ, 9);
}

/* The root of five levels in its own slot: each level of the walk is the same table. */
static void pml5_that_maps_itself(void **state)
{
	const u64 slot = 0x1f0, high = GENMASK(63, 57);
	u64 self = high | slot << 48 | slot << 39 | slot << 30 | slot << 21 | slot << 12;
	u64 own_pml5e = self | 8 * 5, value, pml4 = 0, top;
	u64 own_pte = high | slot << 48 | (FIVE & GENMASK(56, 12)) >> 9;

	(void)state;
	machine(&plain);
	top = new_root_5();
	sim_poke(&sim, top + 8 * slot, top | PTE_P | PTE_W | PTE_A | PTE_D, 8);
	run_5level(top, 0);
	works(self, READ);
	works(FIVE, WRITE | USER);
	/* The PTE of FIVE through the slot, with effect at once. */
	value = PAGE_B | USER_RW;
	assert_int_equal(try(own_pte, WRITE, &value), 0);
	assert_int_equal(sim_read(entry_at(top, 5, FIVE, 1), 8), value);
	sim_invlpg(&sim, FIVE);
	works(FIVE, READ | USER);
	/* A PML5E through it: what it leads to is there with no flush, and gone after one. */
	pml4 = sim_read(entry_at(top, 5, FIVE, 5), 8);
	assert_int_equal(try(own_pml5e, WRITE, &pml4), 0);
	works((FIVE & GENMASK(47, 0)) | 5ULL << 48, READ | USER);
	value = 0;
	assert_int_equal(try(own_pml5e, WRITE, &value), 0);
	sim_invlpg(&sim, (FIVE & GENMASK(47, 0)) | 5ULL << 48);
	faults((FIVE & GENMASK(47, 0)) | 5ULL << 48, READ | USER, 4);
	sim_finish(&sim);
}

/* LA57 is changed while paging is off; one table is the root of four levels, and not of five. */
static void four_levels_and_five(void **state)
{
	u64 top, low = FIVE & GENMASK(47, 0);

	(void)state;
	machine(&plain);
	top = new_root_5();
	/* FIVE's PML4 is a root as well; bit 47 of the direct map's addresses leads there from both. */
	root = sim_read(entry_at(top, 5, FIVE, 5), 8) & PTE_ADDR;
	sim_poke(&sim, root + 8 * 256, sim_read(entry_at(top, 5, DIRECT, 4), 8), 8);
	for (u32 i = 0; i < 3; i++) {
		run_5level(top, 0);
		works(FIVE, WRITE | USER);
		faults(low, READ, 0);
		put(entry_at(top, 5, FIVE + PAGE_SIZE, 1), i & 1 ? PAGE_B | USER_RW : 0);
		sim_set_regs(&sim, CR0_PE, top, CR4_PAE | CR4_LA57, 0, true);
		works(MIB(1), WRITE);
		sim_set_regs(&sim, CR0_PE, top, CR4_PAE, 0, true);
		works(MIB(1), READ);
		run_4level(CR0_WP, 0, 0);
		works(low, WRITE | USER);
		if (i & 1)
			works(low + PAGE_SIZE, READ | USER);
		else
			faults(low + PAGE_SIZE, READ | USER, 4);
		put(entry_at(top, 5, FIVE + PAGE_SIZE, 1), PAGE_A | USER_RW);
		works(low + PAGE_SIZE, READ | USER);
		sim_set_regs(&sim, CR0_PE, top, CR4_PAE, 0, true);
	}
	/* The root of five levels as one of four: its entries are PML4Es now. */
	sim_set_regs(&sim, CR0_PG | CR0_PE | CR0_WP, top, CR4_PAE, EFER_LMA, true);
	faults(low, READ, 0);
	sim_finish(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_level_tables),
		cmocka_unit_test(faults_at_five_levels),
		cmocka_unit_test(reserved_bit_8_of_a_pml5e_on_amd),
		cmocka_unit_test(pml5_that_maps_itself),
		cmocka_unit_test(four_levels_and_five),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
