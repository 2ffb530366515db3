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

/*
 * A device has taken P from an entry, unseen: the leaf that stands for it stays, with its list, when the table comes
 * back and its line's holes are notrap again.
 */
static void a_device_took_an_entry(void **state)
{
	u64 at;

	(void)state;
	for (u32 other = 1; other < TABLE_ENTRIES; other += TABLE_ENTRIES - 2) {
		at = one_page(&plain, PAGE_A | USER_RW);
		works(GVA, WRITE | USER);
		/* The way to the table is there: a new link would have it brought up to date. */
		put(at, PAGE_A | USER_RW);
		sim_device_write(&sim, at, (PAGE_A | USER_RW) & ~PTE_P, 8, 0);
		mmu_let_unsync(&sim.v, at);
		put(ALIGN_DOWN(at, PAGE_SIZE) + other * 8, PAGE_B | USER_RW);
		sim_set_cr3(&sim, root);
		sim_check(&sim);
		put(at, PAGE_B | USER_RW);
		sim_invlpg(&sim, GVA);
		works(GVA, WRITE | USER);
		sim_check(&sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed_and_changed_back),
		cmocka_unit_test(back_in_sync_nothing_exits),
		cmocka_unit_test(unmapped_table_is_dropped),
		cmocka_unit_test(empty_table_is_kept),
		cmocka_unit_test(protected_and_granted),
		cmocka_unit_test(a_device_took_an_entry),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
