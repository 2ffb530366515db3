/* SPDX-License-Identifier: MIT */
/*
 * Directed tests of the shadow MMU. What a table that went out of sync is when it comes back, and which are dropped
 * instead.
 */
#include "tests/host/mmu_guest.h"

/*
 * An entry that says what it said when its table went out of sync, while another leaf was made at its place meanwhile:
 * the harness judges which page is read.
 */
static void changed_and_changed_back(void **state)
{
	static const enum mmu_sync policies[] = {MMU_SYNC_HYBRID, MMU_SYNC_NEVER};
	struct sim_config c = plain;
	u64 at;

	(void)state;
	for (u32 by_fault = 0; by_fault < 2; by_fault++) {
		c.sync = policies[by_fault];
		at = one_page(&c, PAGE_A | USER_RO);
		works(GVA, READ | USER);
		/* The way to the table is there: a new link would have it brought up to date. */
		put(at, PAGE_A | USER_RO);
		mmu_let_unsync(&sim.v, at);
		put(at, PAGE_B | (by_fault ? USER_RW : USER_RO));
		if (!by_fault)
			sim_invlpg(&sim, GVA);
		works(GVA, (by_fault ? WRITE : READ) | USER);
		put(at, PAGE_A | USER_RO);
		sim_set_cr3(&sim, root);
		works(GVA, READ | USER);
	}
}

/* Back in sync, what is not present does not exit: in a line that has changed, in one that has not, in a blank one. */
static void back_in_sync_nothing_exits(void **state)
{
	u64 at;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	for (u32 i = 0; i < 96; i += 2)
		sim_poke(&sim, at + 8 * i, PAGE_A | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	for (u32 i = 0; i < 96; i += 2)
		works(GVA + i * PAGE_SIZE, WRITE | USER);
	put(at, PAGE_A | USER_RW);
	mmu_let_unsync(&sim.v, at);
	put(at + 8 * 2, PAGE_B | USER_RO);
	put(at + 8 * 3, PAGE_B | USER_RO);
	sim_set_cr3(&sim, root);
	exits();
	for (u32 i = 0; i < 160; i++) {
		if (i == 2)
			faults(GVA + i * PAGE_SIZE, WRITE | USER, 7);
		else if (i < 96 && (!(i & 1) || i == 3))
			works(GVA + i * PAGE_SIZE, (i == 3 ? READ : WRITE) | USER);
		else
			faults(GVA + i * PAGE_SIZE, READ | USER, 4);
	}
	/* The guest's own protection fault. */
	assert_int_equal(exits(), 1);
}

/* A table that is being unmapped is dropped where little is left in it; else it goes out of sync. */
static void unmapped_table_is_dropped(void **state)
{
	struct sim_config c = plain;
	u64 at, zapped, unsyncs;

	(void)state;
	c.sync = MMU_SYNC_HYBRID;
	for (u32 pages = 16; pages <= 128; pages *= 8) {
		machine(&c);
		root = new_root();
		at = pte(GVA);
		for (u32 i = 0; i < pages; i++)
			sim_poke(&sim, at + 8 * i, PAGE_A | USER_RW, 8);
		run_4level(CR0_WP, 0, 0);
		works(GVA, WRITE | USER);
		zapped = sim.counters.value[CNT_mmu_shadow_zapped];
		unsyncs = sim.counters.value[CNT_mmu_unsync];
		put(at, 0);
		exits();
		for (u32 i = 1; i < pages - 1; i++)
			put(at + 8 * i, 0);
		assert_in_range(exits(), 2, 4);
		assert_int_equal(sim.counters.value[CNT_mmu_shadow_zapped] - zapped, pages == 16);
		assert_int_equal(sim.counters.value[CNT_mmu_unsync] - unsyncs, pages != 16);
		sim_set_cr3(&sim, root);
		exits();
		works(GVA + (pages - 1) * PAGE_SIZE, WRITE | USER);
		assert_int_equal(exits(), pages == 16);
		faults(GVA, READ | USER, 4);
		assert_int_equal(exits(), 0);
	}
}

/* A table that is cleared again, and has nothing in it, stays, and what is not present in it does not exit. */
static void empty_table_is_kept(void **state)
{
	struct sim_config c = plain;
	u64 at, zapped;

	(void)state;
	c.sync = MMU_SYNC_HYBRID;
	at = one_page(&c, PAGE_A | USER_RW);
	works(GVA, WRITE | USER);
	zapped = sim.counters.value[CNT_mmu_shadow_zapped];
	for (u32 i = 0; i < 16; i++)
		put(at + 8 * i, 0);
	sim_set_cr3(&sim, root);
	assert_int_equal(sim.counters.value[CNT_mmu_shadow_zapped], zapped);
	exits();
	faults(GVA, READ | USER, 4);
	assert_int_equal(exits(), 0);
}

/*
 * Many pages are protected at once, and written again: each leaf is turned, and is in its frame's list or not. One of
 * the pages is mapped twice, and one becomes a table, which nobody may write.
 */
static void protected_and_granted(void **state)
{
	const u32 pages = 64, odd = 7;
	struct sim_config c = plain;
	u64 at;

	(void)state;
	c.sync = MMU_SYNC_HYBRID;
	for (u32 becomes = 0; becomes < 2; becomes++) {
		u64 other = PAGE_A + pages * PAGE_SIZE;

		at = one_page(&c, PAGE_A | USER_RW);
		for (u32 i = 0; i < pages; i++)
			put(at + 8 * i, (PAGE_A + i * PAGE_SIZE) | USER_RW);
		put(pte(GVA + MIB(2)), (PAGE_A + odd * PAGE_SIZE) | USER_RW);
		works(GVA + MIB(2), WRITE | USER);
		for (u32 turn = 0; turn < 3; turn++) {
			sim_set_cr3(&sim, root);
			exits();
			for (u32 i = 0; i < pages; i++)
				works(GVA + i * PAGE_SIZE, WRITE | USER);
			/* No more than one: the odd page may be a table, or mapped twice. */
			assert_true(exits() <= 1);
			for (u32 i = 0; i < pages; i++)
				put(at + 8 * i, (PAGE_A + i * PAGE_SIZE) | USER_RO);
			sim_set_cr3(&sim, root);
			for (u32 i = 0; i < pages; i++) {
				works(GVA + i * PAGE_SIZE, READ | USER);
				faults(GVA + i * PAGE_SIZE, WRITE | USER, 7);
			}
			if (becomes && !turn) {
				sim_poke(&sim, PAGE_A + odd * PAGE_SIZE, other | USER_RO, 8);
				put(pde(GVA + MIB(4)), (PAGE_A + odd * PAGE_SIZE) | UPPER);
				works(GVA + MIB(4), READ | USER);
			}
			for (u32 i = 0; i < pages; i++)
				put(at + 8 * i, (PAGE_A + i * PAGE_SIZE) | USER_RW);
		}
	}
}

#define RUN 16

/* Entries are filled in, and one of them is used. The kernel was told by a fault before. */
static void fill_run(u64 at, u32 first, u32 n, u32 used)
{
	faults(GVA + used * PAGE_SIZE, READ | USER, 4);
	for (u32 i = first; i < first + n; i++)
		put(at + 8 * i, (PAGE_A + i % 2 * PAGE_SIZE) | USER_RO);
	works(GVA + used * PAGE_SIZE, READ | USER);
}

static u64 start_runs(void)
{
	struct sim_config c = plain;
	u64 at;

	c.sync = MMU_SYNC_HYBRID;
	at = one_page(&c, PAGE_A | USER_RO);
	works(GVA, READ | USER);
	/* The first writes are carried out, as ever: what they made needs no exit. */
	fill_run(at, RUN, RUN, RUN + 9);
	fill_run(at, 2 * RUN, RUN, 2 * RUN);
	exits();
	return at;
}

/* One exit for the fault and one for the access, whatever is filled in between: at its place, or a little behind. */
static void runs_take_two_exits(void **state)
{
	u64 at = start_runs(), unsyncs = sim.counters.value[CNT_mmu_unsync];
	u64 resyncs = sim.counters.value[CNT_mmu_resync];

	(void)state;
	for (u32 i = 3; i < 8; i++) {
		fill_run(at, i * RUN, RUN, i * RUN + i);
		assert_int_equal(exits(), 2);
		for (u32 k = 0; k < RUN; k++)
			works(GVA + (i * RUN + k) * PAGE_SIZE, READ | USER);
		assert_int_equal(exits(), 0);
	}
	fill_run(at, 10 * RUN + 5, RUN, 10 * RUN + 9);
	for (u32 k = 0; k < RUN; k++)
		works(GVA + (10 * RUN + 5 + k) * PAGE_SIZE, READ | USER);
	assert_int_equal(exits(), 2);
	assert_int_equal(sim.counters.value[CNT_mmu_unsync], unsyncs);
	assert_int_equal(sim.counters.value[CNT_mmu_resync], resyncs);
	/* Back in sync, nothing of the guest's own exits, and no line lags behind. */
	sim_set_cr3(&sim, root);
	assert_int_equal(sim.counters.value[CNT_mmu_resync], resyncs + 1);
	exits();
	for (u32 i = 0; i < 11 * RUN + 5; i++) {
		if ((i && i < RUN) || (i >= 8 * RUN && i < 10 * RUN + 5))
			faults(GVA + i * PAGE_SIZE, READ | USER, 4);
		else
			works(GVA + i * PAGE_SIZE, READ | USER);
	}
	assert_int_equal(exits(), 0);
}

/* What has saved nothing for a while comes back: faults that the guest steps over, pages one at a time. */
static void runs_that_end(void **state)
{
	(void)state;
	for (u32 way = 0; way < 2; way++) {
		u64 at = start_runs();
		u32 i = 3 * RUN;

		for (; i < 3 * RUN + 24; i++) {
			if (way)
				fill_run(at, i * 2, 1, i * 2);
			else
				faults(GVA + i * PAGE_SIZE, READ | USER, 4);
		}
		exits();
		faults(GVA + (300 + i) * PAGE_SIZE, READ | USER, 4);
		assert_int_equal(exits(), 0);
	}
}

/* A flood that is no run is over with the first access to what it has filled in. */
static void more_than_a_run(void **state)
{
	u64 at = start_runs();

	(void)state;
	fill_run(at, 4 * RUN, 8 * RUN, 4 * RUN + 1);
	exits();
	for (u32 i = 4 * RUN; i < 12 * RUN; i++)
		works(GVA + i * PAGE_SIZE, READ | USER);
	faults(GVA + 12 * RUN * PAGE_SIZE, READ | USER, 4);
	assert_int_equal(exits(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed_and_changed_back),
		cmocka_unit_test(back_in_sync_nothing_exits),
		cmocka_unit_test(unmapped_table_is_dropped),
		cmocka_unit_test(empty_table_is_kept),
		cmocka_unit_test(protected_and_granted),
		cmocka_unit_test(runs_take_two_exits),
		cmocka_unit_test(runs_that_end),
		cmocka_unit_test(more_than_a_run),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
