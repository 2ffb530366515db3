/* SPDX-License-Identifier: MIT */
/*
 * Directed tests of the shadow MMU. Large pages: split, written with CR0.WP=0, over their own tables, and
 * invalidated.
 */
#include "tests/host/mmu_guest.h"

static void large_page_dirty_with_wp0(void **state)
{
	u64 at;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pde(GVA);
	sim_poke(&sim, at, MIB(4) | PTE_PS | PTE_P | PTE_U | PTE_A, 8);
	run_4level(0, 0, 0);
	works(GVA, READ | USER);
	works(GVA, WRITE);
	assert_true(sim_read(at, 8) & PTE_D);
	faults(GVA, WRITE | USER, 7);
	works(GVA + PAGE_SIZE, WRITE);
	run_4level(CR0_WP, 0, 0);
	faults(GVA, WRITE, 3);
	works(GVA, READ | USER);
}

/* A supervisor's write with WP=0 makes a read-only page writable, but not the tables in it. */
static void large_page_with_tables_and_wp0(void **state)
{
	u64 at;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	sim_poke(&sim, pde(GVA + MIB(2)), MIB(2) | PTE_PS | PTE_P | PTE_U | PTE_A | PTE_D, 8);
	run_4level(0, 0, 0);
	works(GVA + MIB(2), READ);
	works(GVA + MIB(3), WRITE);
	faults(GVA, READ | USER, 4);
	assert_int_equal(try(GVA + MIB(2) + (at & (MIB(2) - 1)), WRITE, &(u64){PAGE_A | USER_RW}),
			 0);
	works(GVA, READ | USER);
}

/* Its parts lose a right together, whichever of their addresses the guest invalidates. */
static void invlpg_of_a_split_page_with_fewer_rights(void **state)
{
	u64 at;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pde(GVA);
	sim_poke(&sim, at, MIB(2) | PTE_PS | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	put(pde(GVA + MIB(2)), 0);
	for (u32 i = 256; i < 512; i += 8)
		works(GVA + i * PAGE_SIZE, WRITE | USER);
	put(at, (MIB(2) | PTE_PS | USER_RW) & ~PTE_W);
	sim_invlpg(&sim, GVA);
	for (u32 i = 256; i < 512; i += 8)
		faults(GVA + i * PAGE_SIZE, WRITE | USER, 7);
}

/*
 * The same while the directory is out of sync, and an access that the new rights allow has told the MMU
 * of them before the INVLPG. No mapping by which the guest might write the directory is left then, since
 * that would be a reason of its own to flush.
 */
static void split_page_with_fewer_rights_out_of_sync(void **state)
{
	static const struct {
		u64 before, after;
		u32 use, tell, code;
	} c[] = {
		{PTE_W, PTE_U, WRITE, READ | USER, 3},
		{PTE_U, PTE_W, READ | USER, WRITE, 5},
		{PTE_W, PTE_W | PTE_U | PTE_NX, FETCH, READ | USER, 0x11},
	};
	u64 page = (SIM_HIDDEN_START + MIB(2)) | PTE_PS | PTE_P | PTE_A | PTE_D, pd = MIB(26);
	u64 gva = GVA + GIB(1), other = GVA + GIB(2), value;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(c); i++) {
		machine(&plain);
		root = new_root();
		sim_poke(&sim, entry_at(root, 4, DIRECT + pd, 2), 0, 8);
		sim_poke(&sim, entry_at(root, 4, gva, 3), pd | UPPER, 8);
		sim_poke(&sim, pde(gva), page | c[i].before, 8);
		sim_poke(&sim, pde(other), page | PTE_W | PTE_U, 8);
		sim_poke(&sim, pte(GVA), pd | PTE_P | PTE_W | PTE_A | PTE_D, 8);
		run_4level(CR0_WP, 0, EFER_NXE);
		works(gva, c[i].use);
		works(other, READ);
		/* Nor are there new links, which refresh all that is out of sync. */
		works(GVA, READ);
		works(DIRECT, READ);
		mmu_let_unsync(&sim.v, pd);
		value = page | c[i].after;
		assert_int_equal(try(GVA + (pde(gva) & (PAGE_SIZE - 1)), WRITE, &value), 0);
		put(pte(GVA), 0);
		/* This flushes everything. */
		put(pde(other), 0);
		for (u32 k = 0; k < 32; k++)
			works(gva + k * PAGE_SIZE, c[i].use);
		works(gva + MIB(1), c[i].tell);
		sim_invlpg(&sim, gva);
		for (u32 k = 0; k < 32; k++)
			faults(gva + k * PAGE_SIZE, c[i].use, c[i].code);
	}
}

static void large_page_that_covers_its_own_tables(void **state)
{
	u64 at;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	run_4level(CR0_WP, 0, 0);
	/* All tables lie in the direct map's page at 2M: that page is never writable as a whole. */
	for (u32 i = 0; i < 8; i++) {
		put(at + 8 * i, (PAGE_A + i * PAGE_SIZE) | USER_RW);
		works(GVA + i * PAGE_SIZE, WRITE | USER);
	}
	put(at, 0);
	sim_invlpg(&sim, GVA);
	faults(GVA, READ | USER, 4);
}

/* One INVLPG drops a large page, of however many shadow pages it is made. */
static void invlpg_of_a_split_large_page(void **state)
{
	u64 at;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pde(GVA);
	/* Tables are in it, so it is split. */
	sim_poke(&sim, at, MIB(2) | PTE_PS | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	for (u32 i = 256; i < 512; i += 8)
		works(GVA + i * PAGE_SIZE, WRITE | USER);
	put(at, MIB(4) | PTE_PS | USER_RW);
	sim_invlpg(&sim, GVA);
	for (u32 i = 256; i < 512; i += 8)
		works(GVA + i * PAGE_SIZE, WRITE | USER);
	put(at, 0);
	sim_invlpg(&sim, GVA + MIB(1));
	for (u32 i = 256; i < 512; i += 8)
		faults(GVA + i * PAGE_SIZE, READ | USER, 4);
}

/* The topmost page frame marks traps: a large page with it in it is no leaf, and the audit looks for it. */
static void large_page_with_the_topmost_frame(void **state)
{
	(void)state;
	machine(&plain);
	root = new_root();
	sim_poke(&sim, pde(GVA), (BIT(plain.features.maxphyaddr) - MIB(2)) | PTE_PS | USER_RO, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, READ | USER);
	works(GVA + MIB(2) - PAGE_SIZE, READ | USER);
	assert_int_equal(sim.counters.value[CNT_mmu_split], 1);
}

/* A page of code becomes a page table that has a shadow already, and nobody flushes: tlb_model.c tells of two sizes. */
static void code_is_never_kept_in_two_sizes(void **state)
{
	u64 small;

	(void)state;
	for (u32 i = 0; i < 64; i++) {
		machine(&plain);
		rnd_seed(&rng, i + 1);
		root = new_root();
		sim_poke(&sim, pde(GVA), MIB(4) | USER_RO | PTE_PS, 8);
		small = table();
		for (u32 k = 0; k < 512; k++)
			sim_poke(&sim, small + 8 * k, (MIB(4) + k * PAGE_SIZE) | USER_RO, 8);
		sim_poke(&sim, pde(GVA + MIB(2)), small | UPPER, 8);
		run_4level(CR0_WP, 0, 0);
		works(GVA + MIB(2), FETCH | USER);
		works(DIRECT + pde(GVA), READ);
		for (u32 turn = 0; turn < 4; turn++) {
			works(GVA, FETCH | USER);
			works(GVA, FETCH | USER);
			put(pde(GVA), turn & 1 ? MIB(4) | USER_RO | PTE_PS : small | UPPER);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_page_dirty_with_wp0),
		cmocka_unit_test(large_page_with_tables_and_wp0),
		cmocka_unit_test(invlpg_of_a_split_page_with_fewer_rights),
		cmocka_unit_test(split_page_with_fewer_rights_out_of_sync),
		cmocka_unit_test(large_page_that_covers_its_own_tables),
		cmocka_unit_test(invlpg_of_a_split_large_page),
		cmocka_unit_test(large_page_with_the_topmost_frame),
		cmocka_unit_test_setup(code_is_never_kept_in_two_sizes, judged),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
