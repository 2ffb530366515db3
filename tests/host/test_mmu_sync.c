/* SPDX-License-Identifier: MIT */
/* Directed tests of the shadow MMU. Tables that are out of sync. */
#include "tests/host/mmu_guest.h"

/* A root that was shut while another one ran: it is found by its frame, and says what was there before. */
static void a_root_that_was_shut(void **state)
{
	static struct sim_config c; /* the bounds are read from it */
	u64 home, away, up, writes;

	(void)state;
	c = plain;
	c.tight = true;
	c.bounds = mmu_bounds;
	c.bounds.work = 1;
	machine(&c);
	away = root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RW, 8);
	up = sim_read(away, 8);
	home = root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_B | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, READ | USER);
	sim_set_cr3(&sim, away);
	works(GVA, READ | USER);
	sim_set_cr3(&sim, home);
	/* Of two, there is no time for the first. */
	mmu_let_unsync(&sim.v, away);
	mmu_let_unsync(&sim.v, pte(GVA));
	sim_set_cr3(&sim, home);
	assert_false(sim.v.hw.exit_invlpg);
	writes = sim.counters.value[CNT_mmu_pte_write];
	put(away, 0);
	put(away + 8, up);
	assert_int_equal(sim.counters.value[CNT_mmu_pte_write], writes);
	sim_set_cr3(&sim, away);
	works(GVA + (1ULL << 39), READ | USER);
	faults(GVA, READ | USER, PFEC_U);
}

/* A table out of sync and out of reach owes no flush when it is linked again. */
static void unsynced_table_linked_again(void **state)
{
	u64 at, up, link;

	(void)state;
	for (u32 level = 2; level <= 4; level++) {
		machine(&plain);
		root = new_root();
		at = pte(GVA);
		up = entry_at(root, 4, GVA, level);
		link = sim_read(up, 8);
		sim_poke(&sim, at, PAGE_A | USER_RW, 8);
		/* A second way to the table keeps its shadow alive. */
		sim_poke(&sim, pde(GVA + GIB(1) + MIB(2)), ALIGN_DOWN(at, PAGE_SIZE) | UPPER, 8);
		run_4level(CR0_WP, 0, 0);
		works(GVA, WRITE | USER);
		works(GVA + GIB(1) + MIB(2), READ | USER);
		mmu_let_unsync(&sim.v, at);
		put(up, 0);
		sim_invlpg(&sim, GVA);
		faults(GVA, READ | USER, 4);
		put(at, PAGE_B | USER_RW);
		put(up, link);
		works(GVA, READ | USER);
	}
}

/* The same where a link on the way grants more than before. */
static void unsynced_table_with_more_rights(void **state)
{
	struct sim_config c = plain;
	u64 at, up, link;

	(void)state;
	/* A TLB that remembers would fault and so tell the MMU. */
	c.vpid = false;
	for (u32 level = 2; level <= 4; level++) {
		machine(&c);
		root = new_root();
		at = pte(GVA);
		up = entry_at(root, 4, GVA, level);
		link = sim_read(up, 8);
		sim_poke(&sim, up, link & ~PTE_U, 8);
		sim_poke(&sim, at, PAGE_A | USER_RW, 8);
		run_4level(CR0_WP, 0, 0);
		works(GVA, WRITE);
		mmu_let_unsync(&sim.v, at);
		put(at, PAGE_B | USER_RW);
		works(GVA, READ);
		put(up, link);
		works(GVA, READ | USER);
	}
}

/* The same where the table with that link is out of sync as well. */
static void unsynced_tables_with_more_rights(void **state)
{
	struct sim_config c = plain;
	u64 at, up, link;

	(void)state;
	c.vpid = false;
	c.sync = MMU_SYNC_NEVER;
	for (u32 level = 2; level <= 4; level++) {
		machine(&c);
		root = new_root();
		at = pte(GVA);
		up = entry_at(root, 4, GVA, level);
		link = sim_read(up, 8);
		sim_poke(&sim, up, link & ~PTE_U, 8);
		sim_poke(&sim, at, PAGE_A | USER_RW, 8);
		sim_poke(&sim, at + 8, PAGE_A | USER_RW, 8);
		run_4level(CR0_WP, 0, 0);
		works(GVA + PAGE_SIZE, WRITE);
		mmu_let_unsync(&sim.v, at);
		mmu_let_unsync(&sim.v, up);
		put(at + 8, PAGE_B | USER_RW);
		put(up, link);
		works(GVA, READ | USER);
		works(GVA + PAGE_SIZE, READ | USER);
	}
}

/* With SMAP a link that loses U grants the supervisor more. */
static void unsynced_table_out_of_the_users_reach(void **state)
{
	struct sim_config c = plain;
	u64 at, up;

	(void)state;
	c.vpid = false;
	machine(&c);
	root = new_root();
	at = pte(GVA);
	up = pde(GVA);
	sim_poke(&sim, at, PAGE_A | USER_RW, 8);
	run_4level(CR0_WP, CR4_SMAP, 0);
	works(GVA, READ | USER);
	mmu_let_unsync(&sim.v, at);
	put(at, PAGE_B | USER_RW);
	put(up, sim_read(up, 8) & ~PTE_U);
	works(GVA, READ);
}

/*
 * A fault makes a CPU forget the links on its way, but the shadow of an unsynced upper table still has
 * them; what is behind must not fault without an exit then.
 */
static void faults_below_an_unsynced_upper_table(void **state)
{
	u64 up, other;

	(void)state;
	machine(&plain);
	root = new_root();
	pte(GVA);
	sim_poke(&sim, pte(GVA + MIB(2)), PAGE_A | USER_RW, 8);
	up = pde(GVA);
	other = sim_read(pde(GVA + MIB(2)), 8);
	run_4level(CR0_WP, 0, 0);
	faults(GVA, READ | USER, 4);
	mmu_let_unsync(&sim.v, up);
	put(up, 0);
	faults(GVA, READ | USER, 4);
	put(up, other);
	works(GVA, READ | USER);
}

/* The same with a table that was none of the upper ones yet when it went out of sync. */
static void unsynced_table_that_becomes_an_upper_one(void **state)
{
	u64 at, pt[2], gva = GVA + GIB(1);

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	pt[0] = table();
	pt[1] = table();
	sim_poke(&sim, at, PAGE_A | USER_RW, 8);
	sim_poke(&sim, pt[1], PAGE_A | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, READ | USER);
	mmu_let_unsync(&sim.v, at);
	assert_true(sim.v.hw.filter_present);
	put(entry_at(root, 4, gva, 3), at | UPPER);
	at += 8 * (gva >> 21 & 511);
	put(at, pt[0] | UPPER);
	faults(gva, READ | USER, 4);
	put(at, 0);
	faults(gva, READ | USER, 4);
	put(at, pt[1] | UPPER);
	works(gva, READ | USER);
	assert_false(sim.v.hw.filter_present);
	sim_set_cr3(&sim, root);
	assert_true(sim.v.hw.filter_present);
}

/* INVLPG exits while a table is out of sync: not for long where it never is of that table. */
static void invlpgs_in_vain_sync_all(void **state)
{
	u32 nr = 0;

	(void)state;
	machine(&plain);
	root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RW, 8);
	sim_poke(&sim, pte(GVA + MIB(2)), PAGE_B | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, READ | USER);
	works(GVA + MIB(2), READ | USER);
	mmu_let_unsync(&sim.v, pte(GVA));
	for (u32 i = 0; i < 64; i++) {
		sim_invlpg(&sim, GVA);
		assert_true(sim.v.hw.exit_invlpg);
	}
	while (sim.v.hw.exit_invlpg && nr++ < 64)
		sim_invlpg(&sim, GVA + MIB(2));
	assert_in_range(nr, 2, 32);
}

/* INVLPG makes a CPU forget its links, wherever in the list of unsynced tables those with links are. */
static void invlpg_syncs_every_upper_table(void **state)
{
	u64 entry[3], other[3];

	(void)state;
	machine(&plain);
	root = new_root();
	for (u32 i = 0; i < 3; i++) {
		u64 gva = GVA + i * GIB(1);

		sim_poke(&sim, pte(gva), PAGE_A | USER_RW, 8);
		entry[i] = pde(gva);
		other[i] = table();
		sim_poke(&sim, other[i] + 8, PAGE_B | USER_RW, 8);
	}
	run_4level(CR0_WP, 0, 0);
	for (u32 i = 0; i < 3; i++)
		works(GVA + i * GIB(1), READ | USER);
	/* One that is dropped on the way, and then those. */
	mmu_let_unsync(&sim.v, pte(GVA));
	for (u32 i = 0; i < 3; i++)
		mmu_let_unsync(&sim.v, entry[i]);
	for (u32 i = 0; i < 3; i++)
		put(entry[i], other[i] | UPPER);
	sim_invlpg(&sim, GVA + GIB(3));
	for (u32 i = 0; i < 3; i++)
		works(GVA + i * GIB(1) + PAGE_SIZE, READ | USER);
	assert_false(sim.v.hw.exit_invlpg);
}

/* Whatever the guest changed while a table was out of sync, its shadow knows after the next flush. */
static void every_bit_of_an_unsynced_entry(void **state)
{
	(void)state;
	for (u32 bit = 0; bit < 64; bit++) {
		u64 at, entry = PAGE_A | USER_RW;

		machine(&plain);
		root = new_root();
		at = pte(GVA);
		sim_poke(&sim, at, entry, 8);
		run_4level(CR0_WP, 0, bit & 1 ? EFER_NXE : 0);
		works(GVA, READ | USER);
		mmu_let_unsync(&sim.v, at);
		put(at, entry ^ BIT(bit));
		sim_set_cr3(&sim, root);
		sim_check(&sim);
		(void)try(GVA, READ | USER, NULL);
		(void)try(GVA, WRITE | USER, NULL);
	}
}

static void every_bit_of_an_unsynced_pae_entry(void **state)
{
	(void)state;
	for (u32 bit = 0; bit < 64; bit++) {
		u64 entry = PAGE_A | USER_RW, pd, pt, at;

		machine(&plain);
		root = table();
		pd = table();
		pt = table();
		at = pt + 8;
		sim_poke(&sim, root, pd | PTE_P, 8);
		sim_poke(&sim, pd, pt | UPPER, 8);
		sim_poke(&sim, pt, pt | PTE_P | PTE_W | PTE_A | PTE_D, 8);
		sim_poke(&sim, at, entry, 8);
		sim_set_regs(&sim, CR0_PG | CR0_PE | CR0_WP, root, CR4_PAE, bit & 1 ? EFER_NXE : 0,
			     true);
		works(PAGE_SIZE, READ | USER);
		mmu_let_unsync(&sim.v, at);
		entry ^= BIT(bit);
		/* Through the table's own first entry. */
		assert_int_equal(try(8, WRITE, &entry), 0);
		sim_set_cr3(&sim, root);
		sim_check(&sim);
		(void)try(PAGE_SIZE, READ | USER, NULL);
		(void)try(PAGE_SIZE, WRITE | USER, NULL);
	}
}

/* More tables out of sync than there is room for in the list of them. */
static void many_unsynced_tables(void **state)
{
	struct sim_config c = plain;
	u64 at[300];

	(void)state;
	/* Enough of a pool for all of them. */
	c.pool_size = MIB(4);
	machine(&c);
	sim.audit_each = false;
	root = new_root();
	for (u32 i = 0; i < ARRAY_SIZE(at); i++) {
		at[i] = pte(GVA + i * MIB(2));
		sim_poke(&sim, at[i], PAGE_A | USER_RW, 8);
	}
	run_4level(CR0_WP, 0, 0);
	for (u32 i = 0; i < ARRAY_SIZE(at); i++) {
		works(GVA + i * MIB(2), READ | USER);
		mmu_let_unsync(&sim.v, at[i]);
		put(at[i] + 8, PAGE_A | USER_RW);
	}
	assert_int_equal(sim.counters.value[CNT_mmu_recycled], 0);
	sim_check(&sim);
	sim_set_cr3(&sim, root);
	for (u32 i = 0; i < ARRAY_SIZE(at); i++)
		works(GVA + i * MIB(2) + PAGE_SIZE, WRITE | USER);
	sim_finish(&sim);
}

/* What a flood left of itself does not make one of the first write after it. */
static void flood_is_over_where_time_was_short(void **state)
{
	struct sim_config c = plain;
	u64 at = GVA + MIB(2), unsyncs;

	(void)state;
	c.sync = MMU_SYNC_HYBRID;
	c.tight = true;
	c.bounds = mmu_bounds;
	c.bounds.work = 1;
	machine(&c);
	root = new_root();
	for (u32 i = 0; i < 8; i++) {
		sim_poke(&sim, pte(GVA + i * PAGE_SIZE), PAGE_A | USER_RW, 8);
		sim_poke(&sim, pte(at + i * PAGE_SIZE), PAGE_A | USER_RW, 8);
	}
	run_4level(CR0_WP, 0, 0);
	works(GVA, WRITE | USER);
	works(at, WRITE | USER);
	sim.emulate_all = true;
	for (u32 i = 0; i < 8; i++)
		put(pte(GVA + i * PAGE_SIZE), PAGE_B | USER_RW);
	for (u32 i = 0; i < 8; i++)
		put(pte(at + i * PAGE_SIZE), PAGE_B | USER_RW);
	unsyncs = sim.counters.value[CNT_mmu_unsync];
	assert_int_equal(unsyncs, 2);
	/* The one that went last is brought up to date, and the other shut. */
	sim_set_cr3(&sim, root);
	works(GVA, WRITE | USER);
	put(pte(GVA), PAGE_A | USER_RW);
	works(GVA, WRITE | USER);
	put(pte(GVA + PAGE_SIZE), PAGE_A | USER_RW);
	assert_int_equal(sim.counters.value[CNT_mmu_unsync], unsyncs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_root_that_was_shut),
		cmocka_unit_test(unsynced_table_linked_again),
		cmocka_unit_test(unsynced_table_with_more_rights),
		cmocka_unit_test(unsynced_tables_with_more_rights),
		cmocka_unit_test(unsynced_table_out_of_the_users_reach),
		cmocka_unit_test(faults_below_an_unsynced_upper_table),
		cmocka_unit_test(unsynced_table_that_becomes_an_upper_one),
		cmocka_unit_test(invlpgs_in_vain_sync_all),
		cmocka_unit_test(invlpg_syncs_every_upper_table),
		cmocka_unit_test(every_bit_of_an_unsynced_entry),
		cmocka_unit_test(every_bit_of_an_unsynced_pae_entry),
		cmocka_unit_test(many_unsynced_tables),
		cmocka_unit_test(flood_is_over_where_time_was_short),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
