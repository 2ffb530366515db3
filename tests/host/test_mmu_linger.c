/* SPDX-License-Identifier: MIT */
/* Directed tests of the shadow MMU. Tables that stay out of sync while the guest maps the pages around its faults. */
#include "tests/host/mmu_guest.h"

#define AROUND 16

static u64 gva_of(u32 i)
{
	return GVA + (u64)i * PAGE_SIZE;
}

static u64 unsyncs(void)
{
	return sim.counters.value[CNT_mmu_unsync];
}

static u64 resyncs(void)
{
	return sim.counters.value[CNT_mmu_resync];
}

static void start(void)
{
	struct sim_config c = plain;

	c.sync = MMU_SYNC_HYBRID;
	c.user_filter = MMU_USER_ALWAYS;
	(void)one_page(&c, PAGE_A | USER_RW);
}

static void map(u32 first, u32 n)
{
	for (u32 i = first; i < first + n; i++)
		put(pte(gva_of(i)), PAGE_A | USER_RW);
}

/* The guest's own fault, so many of the pages around it, and the access. Returns the exits. */
static u64 fault_around(u32 place, u32 n)
{
	(void)exits();
	faults(gva_of(place * AROUND + 12), READ | USER, 4);
	map(place * AROUND, n);
	works(gva_of(place * AROUND + 12), READ | USER);
	return exits();
}

/* The first flood brings the table back; after that it stays away, with two exits for each place. */
static void a_table_stays_out_of_sync(void **state)
{
	(void)state;
	start();
	(void)fault_around(1, AROUND);
	assert_int_equal(resyncs(), unsyncs());
	for (u32 place = 2; place < 12; place++) {
		(void)fault_around(place, AROUND);
		(void)exits();
		/* All that was mapped there is in the shadow. */
		for (u32 i = 0; i < AROUND; i++)
			works(gva_of(place * AROUND + i), WRITE | USER);
		assert_int_equal(exits(), 0);
		sim_check(&sim);
	}
	assert_int_equal(unsyncs(), 2);
	assert_int_equal(resyncs(), 1);
	assert_int_equal(fault_around(12, AROUND), 2);
	/* What it is for ends with the flush. */
	sim_set_cr3(&sim, sim.regs.cr3);
	assert_int_equal(resyncs(), 2);
	(void)exits();
	faults(gva_of(14 * AROUND), READ | USER, 4);
	assert_int_equal(exits(), 0);
	sim_check(&sim);
}

/* Until then each fault of the guest's own in it exits, and is the guest's. */
static void out_of_sync(void)
{
	start();
	(void)fault_around(1, AROUND);
	(void)fault_around(2, AROUND);
	(void)fault_around(3, AROUND);
	assert_int_equal(resyncs() + 1, unsyncs());
}

/* More than the lines around the access: all of it is filled at once. */
static void a_large_flood_brings_it_back(void **state)
{
	(void)state;
	for (u32 before = 0; before < 2; before++) {
		out_of_sync();
		map(before ? 5 * AROUND : 6 * AROUND, 2 * AROUND);
		works(gva_of(6 * AROUND + 3), READ | USER);
		assert_int_equal(resyncs(), unsyncs());
		(void)exits();
		map(6 * AROUND, 1);
		for (u32 i = 0; i < AROUND; i++)
			works(gva_of(6 * AROUND + i), READ | USER);
		assert_true(exits() <= 1);
		sim_check(&sim);
	}
}

/* Pages that are mapped one by one: after two in a row it is back, and a page costs one exit. */
static void pages_one_by_one_bring_it_back(void **state)
{
	u64 last = 0;

	(void)state;
	out_of_sync();
	for (u32 place = 6; place < 9; place++) {
		assert_int_equal(resyncs() + 1, unsyncs());
		faults(gva_of(place * AROUND), READ | USER, 4);
		map(place * AROUND, 1);
		works(gva_of(place * AROUND), READ | USER);
		(void)exits();
		if (resyncs() == unsyncs())
			break;
	}
	assert_int_equal(resyncs(), unsyncs());
	for (u32 place = 10; place < 13; place++) {
		faults(gva_of(place * AROUND), READ | USER, 4);
		map(place * AROUND, 1);
		works(gva_of(place * AROUND), READ | USER);
		last = exits();
	}
	assert_int_equal(last, 1);
	sim_check(&sim);
}

/* Pages that are copied when they are written: the second one. */
static void copies_on_write_bring_it_back(void **state)
{
	(void)state;
	out_of_sync();
	for (u32 i = 0; i < 2; i++) {
		assert_int_equal(resyncs() + 1, unsyncs());
		put(pte(gva_of(AROUND + i)), PAGE_A | (USER_RW & ~PTE_W));
		sim_invlpg(&sim, gva_of(AROUND + i));
		faults(gva_of(AROUND + i), WRITE | USER, 7);
		put(pte(gva_of(AROUND + i)), 0);
		sim_invlpg(&sim, gva_of(AROUND + i));
		put(pte(gva_of(AROUND + i)), PAGE_B | USER_RW);
		works(gva_of(AROUND + i), WRITE | USER);
	}
	assert_int_equal(resyncs(), unsyncs());
	sim_check(&sim);
}

/* The guest changes what it has mapped, and owes no flush where it only grants; all is seen. */
static void what_changes_meanwhile_is_seen(void **state)
{
	(void)state;
	out_of_sync();
	put(pte(gva_of(4 * AROUND)), PAGE_B | USER_RW);
	works(gva_of(4 * AROUND), READ | USER);
	put(pte(gva_of(4 * AROUND)), 0);
	sim_invlpg(&sim, gva_of(4 * AROUND));
	faults(gva_of(4 * AROUND), READ | USER, 4);
	put(pte(gva_of(4 * AROUND)), PAGE_A | (USER_RW & ~PTE_W));
	works(gva_of(4 * AROUND), READ | USER);
	faults(gva_of(4 * AROUND), WRITE | USER, 7);
	put(pte(gva_of(4 * AROUND)), PAGE_A | USER_RW);
	works(gva_of(4 * AROUND), WRITE | USER);
	sim_check(&sim);
}

/* The first and the last lines of a table have a neighbour on one side alone. */
static void at_the_ends_of_a_table(void **state)
{
	(void)state;
	out_of_sync();
	assert_int_equal(fault_around(0, AROUND), 2);
	assert_int_equal(fault_around(30, AROUND), 2);
	assert_int_equal(resyncs() + 1, unsyncs());
	sim_check(&sim);
}

/* While a table lingers, the user filter is off, wherever a fault by rights is taken: not for long. */
static void the_user_filter_comes_back(void **state)
{
	u64 other = GVA + MIB(2), pt;

	(void)state;
	out_of_sync();
	pt = table();
	put(pt, PAGE_B | USER_RO);
	put(pde(other), pt | UPPER);
	works(other, READ | USER);
	for (u32 n = 0; n < 4; n++) {
		assert_int_equal(resyncs() + 1, unsyncs());
		faults(other, WRITE | USER, 7);
		assert_true(exits());
	}
	assert_int_equal(resyncs(), unsyncs());
	faults(other, WRITE | USER, 7);
	assert_int_equal(exits(), 0);
	sim_check(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_stays_out_of_sync),
		cmocka_unit_test(a_large_flood_brings_it_back),
		cmocka_unit_test(pages_one_by_one_bring_it_back),
		cmocka_unit_test(copies_on_write_bring_it_back),
		cmocka_unit_test(what_changes_meanwhile_is_seen),
		cmocka_unit_test(at_the_ends_of_a_table),
		cmocka_unit_test(the_user_filter_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
