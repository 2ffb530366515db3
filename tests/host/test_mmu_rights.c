/* SPDX-License-Identifier: MIT */
/*
 * Directed tests of the shadow MMU. Rights: error codes, roles, CR0.WP=0 with SMEP, SMAP and protection keys,
 * and pages that are lent.
 */
#include "tests/host/mmu_guest.h"

/* A prefetched neighbour must not change the code that a fault has. */
static void error_codes_of_prefilled_entries(void **state)
{
	static const struct {
		u64 flags;
		u32 kind, code;
	} c[] = {
		{USER_RO, WRITE | USER, 7},
		{PTE_P | PTE_W | PTE_A | PTE_D, READ | USER, 5},
		{USER_RW | PTE_NX, FETCH | USER, 0x15},
		{USER_RW | BIT(45), READ | USER, 0xd},
		{0, WRITE | USER, 6},
		{USER_RW & ~PTE_P, READ | USER, 4},
		{USER_RO, WRITE, 3},
		{USER_RO & ~PTE_A, WRITE | USER, 7},
		{USER_RW, FETCH, 0x11},
		{USER_RW, READ, 1},
	};

	(void)state;
	machine(&plain);
	root = new_root();
	for (u32 i = 0; i < ARRAY_SIZE(c); i++)
		sim_poke(&sim, pte(GVA) + 8 * i, PAGE_A | c[i].flags, 8);
	run_4level(CR0_WP, CR4_SMEP | CR4_SMAP, EFER_NXE);
	for (u32 round = 0; round < 3; round++) {
		for (u32 i = 0; i < ARRAY_SIZE(c); i++)
			faults(GVA + i * PAGE_SIZE, c[i].kind, c[i].code);
	}
	works(GVA + 9 * PAGE_SIZE, READ | AC);
}

static void shared_page_directory_with_different_rights(void **state)
{
	u64 pdpte, other;

	(void)state;
	machine(&plain);
	root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RW, 8);
	pdpte = entry_at(root, 4, GVA, 3);
	other = entry_at(root, 4, GVA + GIB(1), 3);
	sim_poke(&sim, other, (sim_read(pdpte, 8) & ~(PTE_W | PTE_U)) | PTE_NX, 8);
	run_4level(CR0_WP, 0, EFER_NXE);
	works(GVA, WRITE | USER);
	faults(GVA + GIB(1), READ | USER, 5);
	faults(GVA + GIB(1), WRITE, 3);
	faults(GVA + GIB(1), FETCH, 0x11);
	works(GVA + GIB(1), READ);
	works(GVA, FETCH | USER);
	/* With WP=0 the rights on the way decide what a leaf may be. */
	run_4level(0, 0, EFER_NXE);
	works(GVA + GIB(1), WRITE);
	faults(GVA + GIB(1), WRITE | USER, 7);
	works(GVA, WRITE | USER);
}

static void child_found_by_its_whole_role(void **state)
{
	u64 at, frame;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pde(GVA);
	frame = MIB(4); /* a table, and the first page of a large page */
	sim_poke(&sim, frame, PAGE_B | USER_RW, 8);
	sim_poke(&sim, at, frame | UPPER, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, WRITE | USER);
	put(at, frame | USER_RW | PTE_PS);
	sim_invlpg(&sim, GVA);
	works(GVA + 8 * PAGE_SIZE, WRITE | USER);
	works(GVA, READ | USER);
	put(at, frame | UPPER);
	sim_invlpg(&sim, GVA);
	works(GVA, WRITE | USER);
	/* The same frame as a table of level 2 and of level 1. */
	put(frame + 8, frame | USER_RW);
	put(entry_at(root, 4, GVA, 3), frame | UPPER);
	sim_set_cr3(&sim, root);
	works(MIB(2), READ | USER);
	works(MIB(2) + 8, WRITE | USER);
}

static void smep_with_wp0(void **state)
{
	(void)state;
	for (u32 nxe = 0; nxe < 2; nxe++) {
		machine(&plain);
		root = new_root();
		sim_poke(&sim, pte(GVA), PAGE_A | USER_RO, 8);
		sim_poke(&sim, pde(GVA + MIB(2)), MIB(4) | PTE_PS | USER_RO, 8);
		run_4level(0, CR4_SMEP, nxe ? EFER_NXE : 0);
		for (u64 gva = GVA; gva <= GVA + MIB(2); gva += MIB(2)) {
			works(gva, FETCH | USER);
			works(gva, WRITE);
			faults(gva, FETCH, 0x11);
			works(gva, FETCH | USER);
			faults(gva, FETCH, 0x11);
			works(gva, WRITE);
			faults(gva, WRITE | USER, 7);
		}
	}
}

static void toggling_wp(void **state)
{
	u64 at;

	(void)state;
	at = one_page(&plain, PAGE_A | USER_RO);
	for (u32 i = 0; i < 3; i++) {
		faults(GVA, WRITE, 3);
		sim_set_regs(&sim, CR0_PG | CR0_PE, root, CR4_PAE, EFER_LMA, false);
		works(GVA, WRITE);
		works(GVA, READ | USER);
		faults(GVA, WRITE | USER, 7);
		works(GVA, WRITE);
		sim_set_regs(&sim, CR0_PG | CR0_PE | CR0_WP, root, CR4_PAE, EFER_LMA, false);
		faults(GVA, WRITE, 3);
		works(GVA, READ | USER);
		faults(GVA, WRITE | USER, 7);
	}
	assert_true(sim_read(at, 8) & PTE_D);
}

/* Without SMEP and NXE the hardware's error code does not tell a fetch from a read. */
static void fetch_that_looks_like_a_read(void **state)
{
	(void)state;
	machine(&plain);
	root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | (USER_RW & ~PTE_A), 8);
	sim_poke(&sim, pte(GVA + PAGE_SIZE), PAGE_A | (USER_RW & ~PTE_A), 8);
	run_4level(CR0_WP, CR4_SMAP, 0);
	works(GVA, FETCH);
	faults(GVA, READ, 1);
	faults(GVA + PAGE_SIZE, READ, 1);
	assert_false(sim_read(pte(GVA + PAGE_SIZE), 8) & PTE_A);
	works(GVA + PAGE_SIZE, FETCH);
	works(GVA + PAGE_SIZE, READ | AC);
}

/* Nor from one that a key forbids: it sets no A. */
static void read_that_a_key_forbids(void **state)
{
	struct ref_access a = {.gva = GVA, .pkru = 1 << 2 * 3};
	u32 pfec;

	(void)state;
	for (u32 user = 0; user < 2; user++) {
		machine(&plain);
		root = new_root();
		sim_poke(&sim, pte(GVA), PAGE_A | (USER_RW & ~PTE_A) | 3ULL << PTE_PK_SHIFT, 8);
		run_4level(CR0_WP, CR4_PKE, 0);
		a.user = user;
		a.fetch = false;
		assert_int_equal(sim_access(&sim, &a, NULL, 8, &pfec), SIM_FAULT);
		assert_int_equal(pfec, user ? 0x25 : 0x21);
		assert_false(sim_read(pte(GVA), 8) & PTE_A);
		a.fetch = true;
		assert_int_equal(sim_access(&sim, &a, NULL, 8, &pfec), SIM_DONE);
		assert_true(sim_read(pte(GVA), 8) & PTE_A);
	}
}

static void protection_key_with_wp0(void **state)
{
	struct ref_access a = {.gva = GVA, .write = true, .pkru = 2 << 2 * 3};
	u64 data = 1;
	u32 pfec;

	(void)state;
	machine(&plain);
	root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RW | 3ULL << PTE_PK_SHIFT, 8);
	run_4level(0, CR4_PKE, 0);
	assert_int_equal(sim_access(&sim, &a, &data, 8, &pfec), SIM_DONE);
	a.user = true;
	assert_int_equal(sim_access(&sim, &a, &data, 8, &pfec), SIM_FAULT);
	assert_int_equal(pfec, 0x27);
}

/* What a supervisor's write may do to a user's read-only page, SMAP and keys still forbid reading. */
static void smap_with_wp0(void **state)
{
	(void)state;
	for (u32 let = 0; let < 2; let++) {
		machine(&plain);
		sim.emulate_all = !let;
		root = new_root();
		sim_poke(&sim, pte(GVA), PAGE_A | USER_RO, 8);
		sim_poke(&sim, pde(GVA + MIB(2)), MIB(4) | PTE_PS | USER_RO, 8);
		run_4level(0, CR4_SMAP, 0);
		for (u64 gva = GVA; gva <= GVA + MIB(2); gva += MIB(2)) {
			for (u32 i = 0; i < 8; i++) {
				works(gva, WRITE | AC);
				/* What was lent is taken back at an exit. */
				if (let)
					run_4level(0, CR4_SMAP, 0);
				faults(gva, READ, 1);
				works(gva, READ | AC);
				faults(gva, WRITE, 3);
				works(gva, READ | USER);
				faults(gva, WRITE | USER, 7);
			}
		}
		assert_int_equal(!sim.stats.lent, !let);
		assert_true(sim.stats.wp0_writes);
	}
}

/* A page that was written while SMAP was off. */
static void smap_comes_with_wp0(void **state)
{
	(void)state;
	machine(&plain);
	root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RO, 8);
	run_4level(0, 0, 0);
	works(GVA, WRITE);
	run_4level(0, CR4_SMAP, 0);
	faults(GVA, READ, 1);
	faults(GVA, WRITE, 3);
	run_4level(0, 0, 0);
	works(GVA, WRITE);
}

/* Key 3 lets nobody read or write, or nobody but a supervisor with WP=0 write. */
static void access_key_with_wp0(void **state)
{
	struct ref_access a = {.gva = GVA};
	u64 data = 1;
	u32 pfec;

	(void)state;
	machine(&plain);
	root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RO | 3ULL << PTE_PK_SHIFT, 8);
	run_4level(0, CR4_PKE, 0);
	for (u32 i = 0; i < 4; i++) {
		a.write = true;
		a.pkru = i & 1 ? 2 << 2 * 3 : 0;
		assert_int_equal(sim_access(&sim, &a, &data, 8, &pfec), SIM_DONE);
		a.write = false;
		assert_int_equal(sim_access(&sim, &a, &data, 8, &pfec), SIM_DONE);
		a.pkru = 1 << 2 * 3;
		assert_int_equal(sim_access(&sim, &a, &data, 8, &pfec), SIM_FAULT);
		assert_int_equal(pfec, 0x21);
		a.write = true;
		assert_int_equal(sim_access(&sim, &a, &data, 8, &pfec), SIM_FAULT);
		assert_int_equal(pfec, 0x23);
	}
}

/* A key that changed while the table was out of sync holds after the flush. */
static void key_of_an_unsynced_entry(void **state)
{
	struct ref_access a = {.gva = GVA, .user = true};
	u64 at;
	u32 pfec;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	sim_poke(&sim, at, PAGE_A | USER_RW, 8);
	run_4level(CR0_WP, CR4_PKE, 0);
	works(GVA, READ | USER);
	mmu_let_unsync(&sim.v, at);
	put(at, PAGE_A | USER_RW | 3ULL << PTE_PK_SHIFT);
	sim_set_cr3(&sim, root);
	a.pkru = 1 << 2 * 3;
	assert_int_equal(sim_access(&sim, &a, NULL, 8, &pfec), SIM_FAULT);
	assert_int_equal(pfec, 0x25);
}

/* What was lent does not outlive the next exit in the TLB, whatever that exit was for. */
static void lent_page_leaves_the_tlb(void **state)
{
	struct sim_config c = plain;

	(void)state;
	c.vpid = true;
	machine(&c);
	sim.emulate_all = false;
	root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RO | PTE_D, 8);
	run_4level(0, CR4_SMAP, 0);
	for (u32 i = 0; i < 32; i++) {
		for (u64 lent = sim.stats.lent; sim.stats.lent == lent;)
			works(GVA, WRITE | AC);
		mmu_take_back(&sim.v);
		if (sim.v.hw.flush == MMU_FLUSH_ALL) {
			hw_flush_all(&sim.hw);
			sim.v.hw.flush = MMU_FLUSH_NONE;
		}
		faults(GVA, READ, 1);
	}
}

/* While a page is lent no fault stays within the guest: its handler would find the page lent. */
static void every_fault_exits_while_a_page_is_lent(void **state)
{
	(void)state;
	machine(&plain);
	sim.emulate_all = false;
	root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RO | PTE_D, 8);
	run_4level(0, CR4_SMAP, 0);
	faults(GVA + PAGE_SIZE, READ | USER, 4);
	for (u32 i = 0; i < 8; i++) {
		(void)exits();
		faults(GVA + PAGE_SIZE, READ | USER, 4);
		assert_int_equal(exits(), 0);
		for (u64 lent = sim.stats.lent; sim.stats.lent == lent;)
			works(GVA, WRITE | AC);
		(void)exits();
		faults(GVA + PAGE_SIZE, READ | USER, 4);
		assert_int_equal(exits(), 1);
		faults(GVA, READ, 1);
	}
}

/* A page that is lent loses its key: some CPU that is emulated has keys for a supervisor's page too. */
static void lent_page_has_no_key(void **state)
{
	struct ref_access a = {.gva = GVA, .write = true, .pkru = 2 << 2 * 3};
	struct sim_config c = plain;
	u64 data = 1;
	u32 pfec;

	(void)state;
	c.supervisor_keys = true;
	machine(&c);
	sim.emulate_all = false;
	root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RO | PTE_D | 3ULL << PTE_PK_SHIFT, 8);
	run_4level(0, CR4_PKE, 0);
	while (!sim.stats.lent)
		assert_int_equal(sim_access(&sim, &a, &data, 8, &pfec), SIM_DONE);
}

/* What is lent to an instruction of many pages is all taken back, and to one of more as well. */
static void more_pages_than_can_be_lent(void **state)
{
	(void)state;
	for (u32 nr = MMU_LENT_MAX; nr <= MMU_LENT_MAX + 1; nr++) {
		machine(&plain);
		root = new_root();
		for (u32 i = 0; i < nr; i++)
			sim_poke(&sim, pte(GVA) + 8 * i, PAGE_A | USER_RO | PTE_D, 8);
		run_4level(0, CR4_SMAP, 0);
		for (u32 i = 0; i < nr; i++) {
			struct mmu_fault f = {
				.gva = GVA + i * PAGE_SIZE, .pfec = PFEC_W | PFEC_P, .ac = true};

			assert_int_equal(mmu_fault(&sim.v, &f), MMU_WP0_WRITE);
			mmu_lend(&sim.v, &f);
			assert_int_equal(sim.v.nr_lent, i < MMU_LENT_MAX ? i + 1 : 1);
		}
		run_4level(0, CR4_SMAP, 0);
		for (u32 i = 0; i < nr; i++)
			faults(GVA + i * PAGE_SIZE, READ, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_codes_of_prefilled_entries),
		cmocka_unit_test(shared_page_directory_with_different_rights),
		cmocka_unit_test(child_found_by_its_whole_role),
		cmocka_unit_test(smep_with_wp0),
		cmocka_unit_test(toggling_wp),
		cmocka_unit_test(fetch_that_looks_like_a_read),
		cmocka_unit_test(read_that_a_key_forbids),
		cmocka_unit_test(protection_key_with_wp0),
		cmocka_unit_test(smap_with_wp0),
		cmocka_unit_test(smap_comes_with_wp0),
		cmocka_unit_test(access_key_with_wp0),
		cmocka_unit_test(key_of_an_unsynced_entry),
		cmocka_unit_test(lent_page_leaves_the_tlb),
		cmocka_unit_test(every_fault_exits_while_a_page_is_lent),
		cmocka_unit_test(lent_page_has_no_key),
		cmocka_unit_test(more_pages_than_can_be_lent),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
