/* SPDX-License-Identifier: MIT */
/* Directed tests of the shadow MMU. Flushes: what a CPU may still hold. */
#include "tests/host/mmu_guest.h"

/* A table that the guest unlinks is dropped at once, and no CPU may walk what is left of it. */
static void unlinked_table_leaves_the_caches(void **state)
{
	u64 b;

	(void)state;
	for (u32 i = 0; i < 16; i++) {
		machine(&plain);
		root = new_root();
		sim_poke(&sim, pte(GVA), PAGE_A | USER_RW, 8);
		sim_poke(&sim, pte(GVA + PAGE_SIZE), PAGE_B | USER_RW, 8);
		run_4level(CR0_WP, 0, 0);
		works(GVA, WRITE | USER);
		for (u32 n = i; n > 0; n--)
			(void)rnd64(&rng);
		b = table();
		sim_poke(&sim, b + (GVA >> 12 & 511) * 8, PAGE_A | USER_RW, 8);
		sim_poke(&sim, b + ((GVA >> 12 & 511) + 1) * 8, PAGE_B | USER_RW, 8);
		put(pde(GVA + MIB(2)), 0);
		works(GVA, WRITE | USER);
		put(pde(GVA), b | UPPER);
		works(GVA + PAGE_SIZE, READ | USER);
	}
}

/* CR4.PGE flushes as a load of CR3 does, and the root stays the same. */
static void a_change_of_registers_flushes(void **state)
{
	u64 at, on;

	(void)state;
	at = one_page(&plain, PAGE_A | USER_RW);
	on = sim.v.root;
	works(GVA, READ | USER);
	mmu_let_unsync(&sim.v, at);
	put(at, PAGE_B | USER_RW);
	run_4level(CR0_WP, CR4_PGE, 0);
	assert_int_equal(sim.v.root, on);
	works(GVA, READ | USER);
}

/*
 * A page is writable no more, the guest has not flushed, and the page becomes a table: no write through what a CPU
 * still holds may get past its shadow. Nor where it is a part of a large page that is there all the time.
 */
enum how { BY_A_WRITE, BY_A_LINE, BY_AN_ENTRY, BY_A_LARGE_PAGE, NOT_AT_ALL, HOWS };

static void unmap_writable(enum how how)
{
	u64 at;

	if (how == BY_A_LARGE_PAGE)
		put(pde(GVA), 0);
	if (how >= BY_A_LARGE_PAGE)
		return;
	at = pte(GVA);
	if (how != BY_A_WRITE)
		mmu_let_unsync(&sim.v, at);
	put(at, 0);
	/* One that is out of sync follows when it is linked anew; the whole line is empty, or not. */
	if (how != BY_A_WRITE)
		put(pde(GVA + MIB(2)), (at & PTE_ADDR) | UPPER);
}

static void page_that_was_writable_becomes_a_table(void **state)
{
	u64 other = GVA + GIB(1), page = MIB(26), writes;
	struct sim_config c = plain;

	(void)state;
	c.sync = MMU_SYNC_HYBRID;
	for (u32 i = 0; i < 8 * HOWS; i++) {
		enum how how = i % HOWS;

		machine(&c);
		rnd_seed(&rng, i + 1);
		root = new_root();
		/* No other writable mapping, that would have to go. */
		sim_poke(&sim, entry_at(root, 4, DIRECT + page, 2), 0, 8);
		pde(other);
		if (how >= BY_A_LARGE_PAGE)
			sim_poke(&sim, pde(GVA), page | USER_RW | PTE_PS, 8);
		else
			sim_poke(&sim, pte(GVA), page | USER_RW, 8);
		if (how == BY_AN_ENTRY)
			sim_poke(&sim, pte(GVA + PAGE_SIZE), PAGE_A | USER_RW, 8);
		run_4level(CR0_WP, 0, 0);
		/* All other tables are known as such, and nothing older is left to wait for. */
		works(GVA, WRITE | USER);
		faults(other, READ | USER, PFEC_U);
		put(pde(other), 0);
		sim_set_cr3(&sim, root);
		works(GVA, WRITE | USER);
		unmap_writable(how);
		put(pde(other), page | UPPER);
		faults(other + PAGE_SIZE, READ | USER, PFEC_U);
		if (how == NOT_AT_ALL) {
			writes = sim.counters.value[CNT_mmu_pte_write];
			works(GVA, WRITE | USER);
			assert_int_equal(sim.counters.value[CNT_mmu_pte_write], writes + 1);
		} else {
			faults(GVA, WRITE | USER, PFEC_W | PFEC_U);
		}
	}
}

/* Two exits for INVLPG may come before the guest runs again: neither address is forgotten. */
static void both_of_two_invlpgs(void **state)
{
	u64 at;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	for (u32 i = 0; i < 32; i++)
		sim_poke(&sim, at + 8 * i, PAGE_A | USER_RO, 8);
	run_4level(CR0_WP, 0, 0);
	for (u32 i = 0; i < 32; i += 2) {
		u64 gva[2] = {GVA + i * PAGE_SIZE, GVA + (i + 1) * PAGE_SIZE};
		u32 either = i / 2 & 1;

		works(gva[0], READ | USER);
		works(gva[1], READ | USER);
		mmu_let_unsync(&sim.v, at);
		put(at + 8 * i, 0);
		put(at + 8 * i + 8, 0);
		mmu_invlpg(&sim.v, gva[0]);
		gt_invlpg(&sim.tlb, gva[0]);
		sim_invlpg(&sim, gva[1]);
		/* The first of these faults may flush more than its own address. */
		faults(gva[either], READ | USER, 4);
		faults(gva[!either], READ | USER, 4);
	}
}

static void protection_fault_drops_what_is_cached(void **state)
{
	u64 at;

	(void)state;
	at = one_page(&plain, PAGE_A | USER_RW);
	works(GVA, READ | USER);
	mmu_let_unsync(&sim.v, at);
	put(at, PAGE_B | USER_RO);
	works(GVA + PAGE_SIZE - 8, READ | USER);
	if (try(GVA, WRITE | USER, NULL))
		works(GVA, READ | USER);
}

/* The shadow grants the access by now: what the CPU still holds must go, or it would fault again. */
static void spurious_fault_is_flushed(void **state)
{
	u64 at, spurious;

	(void)state;
	machine(&plain);
	sim.hw.faults_keep = true;
	root = new_root();
	at = pte(GVA);
	for (u32 i = 0; i < 16; i++)
		sim_poke(&sim, at + 8 * i, PAGE_A | (USER_RO & ~PTE_U), 8);
	run_4level(CR0_WP, 0, 0);
	spurious = sim.counters.value[CNT_pf_spurious];
	for (u32 i = 0; i < 16; i++) {
		works(GVA + i * PAGE_SIZE, READ);
		put(at + 8 * i, PAGE_A | USER_RO);
		(void)exits();
		works(GVA + i * PAGE_SIZE, READ | USER);
		assert_in_range(exits(), 0, 1);
	}
	assert_true(sim.counters.value[CNT_pf_spurious] > spurious);
}

/* A write that is let through by unsyncing its table is what was to be fixed. */
static void table_let_go_is_no_spurious_fault(void **state)
{
	struct sim_config c = plain;
	u64 at;

	(void)state;
	c.sync = MMU_SYNC_NEVER;
	machine(&c);
	root = new_root();
	at = pte(GVA);
	run_4level(CR0_WP, 0, 0);
	faults(GVA, READ | USER, 4);
	works(DIRECT + at, READ);
	(void)exits();
	put(at, PAGE_A | USER_RO);
	assert_int_equal(exits(), 1);
	assert_true(sim.v.hw.exit_invlpg);
	assert_int_equal(sim.counters.value[CNT_pf_spurious], 0);
}

/* A machine whose TLB is this seed's, and a root with a page at GVA. */
static void start(const struct sim_config *c, u32 seed)
{
	machine(c);
	rnd_seed(&rng, seed);
	root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RW, 8);
}

/*
 * INVLPG drops what a CPU keeps of upper levels, of any address (SDM vol. 3A 4.10.4.1), and so does one that exits: of
 * two entries of a page directory with one page table between them, one comes to lead elsewhere.
 */
static void invlpg_that_exits_drops_upper_levels(void **state)
{
	u64 other = GVA + MIB(2), far = GVA + GIB(1), two, unsync;
	struct sim_config c = plain;

	(void)state;
	c.sync = MMU_SYNC_HYBRID;
	for (u32 i = 0; i < 64; i++) {
		start(&c, i + 1);
		sim_poke(&sim, pde(other), (pte(GVA) & PTE_ADDR) | UPPER, 8);
		two = table();
		sim_poke(&sim, two, PAGE_B | USER_RW, 8);
		sim_poke(&sim, two + 8, PAGE_B | USER_RW, 8);
		unsync = pte(far);
		sim_poke(&sim, unsync, PAGE_A | USER_RW, 8);
		run_4level(CR0_WP, 0, 0);
		works(GVA, READ | USER);
		works(far, READ | USER);
		works(DIRECT + pde(other), READ);
		/* While some table is out of sync, INVLPG exits. */
		mmu_let_unsync(&sim.v, unsync);
		put(unsync + 8, 0);
		works(other, READ | USER);
		put(pde(other), two | UPPER);
		sim_invlpg(&sim, far + MIB(8));
		put(pte(GVA + PAGE_SIZE), PAGE_A | USER_RW);
		works(other + PAGE_SIZE, READ | USER);
	}
}

/* The same of rights that have grown: under the user filter nobody sees that a fault is none of the guest's. */
static void invlpg_that_exits_lets_rights_grow(void **state)
{
	u64 other = GVA + MIB(2), far = GVA + GIB(1);
	struct sim_config c = plain;

	(void)state;
	c.sync = MMU_SYNC_HYBRID;
	c.user_filter = MMU_USER_ALWAYS;
	for (u32 i = 0; i < 64; i++) {
		start(&c, i + 1);
		sim_poke(&sim, pde(GVA), sim_read(pde(GVA), 8) & ~PTE_W, 8);
		sim_poke(&sim, pte(far), PAGE_A | USER_RW, 8);
		run_4level(CR0_WP, 0, 0);
		works(GVA, READ | USER);
		put(pde(GVA), sim_read(pde(GVA), 8) | PTE_W);
		/* Until an INVLPG is made to exit, to tell whether one follows each write. */
		for (u32 k = 0; k < 6 && !sim.v.hw.exit_invlpg; k++)
			put(pde(other) + 8 * k, 0);
		assert_true(sim.v.hw.exit_invlpg);
		sim_invlpg(&sim, far + MIB(8));
		put(pte(GVA + PAGE_SIZE), PAGE_B | USER_RW);
		works(GVA + PAGE_SIZE, WRITE | USER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unlinked_table_leaves_the_caches),
		cmocka_unit_test(a_change_of_registers_flushes),
		cmocka_unit_test(page_that_was_writable_becomes_a_table),
		cmocka_unit_test(both_of_two_invlpgs),
		cmocka_unit_test(protection_fault_drops_what_is_cached),
		cmocka_unit_test(spurious_fault_is_flushed),
		cmocka_unit_test(table_let_go_is_no_spurious_fault),
		cmocka_unit_test_setup(invlpg_that_exits_drops_upper_levels, judged),
		cmocka_unit_test_setup(invlpg_that_exits_lets_rights_grow, judged),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
