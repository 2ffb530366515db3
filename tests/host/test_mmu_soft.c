/* SPDX-License-Identifier: MIT */
/* Directed tests of the shadow MMU. Soft traps: how long they keep the filter off, and what that costs the guest. */
#include "tests/host/mmu_guest.h"

#define UNUSED (USER_RW & ~PTE_A)
#define OTHER  (GVA + MIB(2))        /* in another table */
#define ABSENT (GVA + 9 * PAGE_SIZE) /* not present, in GVA's table */

/* A used page at GVA, and one at OTHER, where first is the entry of the next. */
static void start_after(u32 soften_after, enum sim_traps traps, enum mmu_sync sync, u64 first)
{
	static struct sim_config c; /* the bounds are read from it */

	c = plain;
	c.tight = true;
	c.bounds = mmu_bounds;
	c.bounds.soften_after = soften_after;
	c.traps = traps;
	c.sync = sync;
	c.user_filter = MMU_USER_NEVER;
	machine(&c);
	root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RW, 8);
	sim_poke(&sim, pte(OTHER), PAGE_B | USER_RW, 8);
	sim_poke(&sim, pte(OTHER + PAGE_SIZE), first, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, READ | USER);
	works(OTHER, READ | USER);
}

static void start(enum sim_traps traps, enum mmu_sync sync, u64 first)
{
	start_after(0, traps, sync, first);
}

static u64 unused(void)
{
	return sim_read(pte(OTHER + PAGE_SIZE), 8);
}

/* Faults that are the guest's own, of which `most` exit. */
static void own_faults_exit(u32 most)
{
	exits();
	for (u32 i = 0; i < 20; i++)
		faults(ABSENT + i * PAGE_SIZE, READ | USER, PFEC_U);
	assert_int_equal(exits(), most);
}

static void few_faults_leave_a_page_unused(void **state)
{
	(void)state;
	start_after(15, SIM_TRAPS_STRUCTURAL, MMU_SYNC_HYBRID, PAGE_B | UNUSED);
	own_faults_exit(16);
	assert_int_equal(unused(), PAGE_B | USER_RW);
	start_after(mmu_bounds.soften_after, SIM_TRAPS_STRUCTURAL, MMU_SYNC_HYBRID,
		    PAGE_B | UNUSED);
	own_faults_exit(20);
	assert_int_equal(unused(), PAGE_B | UNUSED);
	assert_false(sim.v.hw.filter_present);
}

static void a_page_not_used_yet_costs_one_exit(void **state)
{
	(void)state;
	start(SIM_TRAPS_STRUCTURAL, MMU_SYNC_HYBRID, PAGE_B | UNUSED);
	assert_false(sim.v.hw.filter_present);
	own_faults_exit(1);
	assert_true(sim.v.hw.filter_present);
	assert_int_equal(unused(), PAGE_B | USER_RW);
	works(OTHER + PAGE_SIZE, WRITE | USER);
	/* Whatever it holds of such pages is as clear as the guest makes it, until the next fault. */
	put(pte(OTHER + PAGE_SIZE), PAGE_B | UNUSED);
	sim_invlpg(&sim, OTHER + PAGE_SIZE);
	works(GVA, WRITE | USER);
	put(pte(GVA), PAGE_A | USER_RO);
	sim_invlpg(&sim, GVA);
	faults(GVA, WRITE | USER, PFEC_P | PFEC_W | PFEC_U);
	assert_int_equal(unused(), PAGE_B | UNUSED);
	assert_false(sim.v.hw.filter_present);
	own_faults_exit(1);
}

static void a_table_out_of_sync_costs_one_exit(void **state)
{
	(void)state;
	start(SIM_TRAPS_STRUCTURAL, MMU_SYNC_HYBRID, 0);
	assert_true(sim.v.hw.filter_present);
	mmu_let_unsync(&sim.v, pte(OTHER));
	assert_false(sim.v.hw.filter_present);
	put(pte(OTHER + PAGE_SIZE), PAGE_B | UNUSED);
	own_faults_exit(1);
	assert_true(sim.v.hw.filter_present);
	assert_int_equal(unused(), PAGE_B | USER_RW);
}

/* It says what the guest wants, and is wrong all the same. */
static void a_bad_entry_stays_as_it_is(void **state)
{
	u64 bad = (PAGE_B | UNUSED) | 1ULL << 51;

	(void)state;
	start(SIM_TRAPS_STRUCTURAL, MMU_SYNC_HYBRID, bad);
	own_faults_exit(20);
	assert_int_equal(unused(), bad);
	assert_false(sim.v.hw.filter_present);
	faults(OTHER + PAGE_SIZE, READ | USER, PFEC_P | PFEC_U | PFEC_RSVD);
}

/* With sync=never nothing comes back in sync but by a flush, so nothing would be won. */
static void never_is_never(void **state)
{
	(void)state;
	start(SIM_TRAPS_STRUCTURAL, MMU_SYNC_NEVER, PAGE_B | UNUSED);
	mmu_let_unsync(&sim.v, pte(OTHER));
	own_faults_exit(20);
	assert_int_equal(unused(), PAGE_B | UNUSED);
}

/* Another address space reaches one by now, that was loaded not long ago. */
static void another_space_gets_one(void **state)
{
	u64 home, away, entry;

	(void)state;
	start(SIM_TRAPS_STRUCTURAL, MMU_SYNC_HYBRID, 0);
	home = root;
	away = new_root();
	entry = entry_at(away, 4, GVA, 1);
	for (u32 i = 0; i < 2; i++) {
		sim_set_cr3(&sim, away);
		faults(GVA, READ | USER, PFEC_U);
		sim_set_cr3(&sim, home);
		assert_true(sim.v.hw.filter_present);
	}
	put(entry, PAGE_B | UNUSED);
	assert_true(sim.v.hw.filter_present);
	sim_set_cr3(&sim, away);
	assert_false(sim.v.hw.filter_present);
	works(GVA, READ | USER);
}

/* Where traps are present entries, no A is set but for what the guest does. */
static void not_where_traps_are_present(void **state)
{
	(void)state;
	start(SIM_TRAPS_ADDRESS, MMU_SYNC_HYBRID, PAGE_B | UNUSED);
	own_faults_exit(0);
	mmu_let_unsync(&sim.v, pte(GVA));
	own_faults_exit(1);
	assert_int_equal(unused(), PAGE_B | UNUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_faults_leave_a_page_unused),
		cmocka_unit_test(a_page_not_used_yet_costs_one_exit),
		cmocka_unit_test(a_table_out_of_sync_costs_one_exit),
		cmocka_unit_test(a_bad_entry_stays_as_it_is),
		cmocka_unit_test(never_is_never),
		cmocka_unit_test(another_space_gets_one),
		cmocka_unit_test(not_where_traps_are_present),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
