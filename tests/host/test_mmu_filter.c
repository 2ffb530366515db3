/* SPDX-License-Identifier: MIT */
/* Directed tests of the shadow MMU. The user filter: when it is on, and which faults it lets through. */
#include "tests/host/mmu_guest.h"

#define OTHER     (GVA + PAGE_SIZE)
#define USER_COPY (USER_RO | PTE_D) /* as fork() leaves a page */
#define CLEAN     (PTE_P | PTE_W | PTE_U | PTE_A)
/* Error codes. */
#define PF_WRITE (PFEC_P | PFEC_W | PFEC_U)

static void user_machine(enum mmu_user_filter user_filter)
{
	struct sim_config c = plain;

	c.user_filter = user_filter;
	machine(&c);
	root = new_root();
}

/* A user's page at GVA that is the kernel's to copy, and it has been read. */
static void start(enum mmu_user_filter user_filter, u64 other)
{
	user_machine(user_filter);
	sim_poke(&sim, pte(GVA), PAGE_A | USER_COPY, 8);
	sim_poke(&sim, pte(OTHER), other, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, READ | USER);
}

static void copy_on_write_does_not_exit(void **state)
{
	(void)state;
	start(MMU_USER_ALWAYS, 0);
	works(DIRECT, READ);
	exits();
	faults(GVA, WRITE | USER, PF_WRITE);
	faults(OTHER, WRITE | USER, PFEC_W | PFEC_U);
	faults(DIRECT, READ | USER, PFEC_P | PFEC_U);
	assert_int_equal(exits(), 0);
	/* The supervisor's own do. */
	faults(OTHER, WRITE, PFEC_W);
	faults(GVA, WRITE, PFEC_P | PFEC_W);
	assert_int_equal(exits(), 2);
	put(pte(GVA), PAGE_A | USER_RW);
	sim_invlpg(&sim, GVA);
	works(GVA, WRITE | USER);
	assert_true(sim.v.hw.filter_user);
}

static void never_is_never(void **state)
{
	(void)state;
	start(MMU_USER_NEVER, 0);
	exits();
	for (u32 i = 0; i < 20; i++)
		faults(GVA, WRITE | USER, PF_WRITE);
	assert_int_equal(exits(), 20);
}

/* What a root reaches counts, and no other's. */
static void a_clean_page_turns_it_off(void **state)
{
	u64 away;

	(void)state;
	start(MMU_USER_ALWAYS, PAGE_B | CLEAN);
	assert_false(sim.v.hw.filter_user);
	assert_true(sim.v.hw.filter_present);
	away = new_root();
	/* Each of them is found as a recent root in the end. */
	for (u32 i = 0; i < 8; i++) {
		sim_set_cr3(&sim, away);
		assert_true(sim.v.hw.filter_user);
		sim_set_cr3(&sim, root);
		assert_false(sim.v.hw.filter_user);
	}
	works(OTHER, WRITE | USER);
	assert_int_equal(sim_read(pte(OTHER), 8), PAGE_B | USER_RW);
	assert_true(sim.v.hw.filter_user);
	/* A supervisor's page is none of it. */
	put(pte(OTHER), (PAGE_B | CLEAN) & ~PTE_U);
	sim_invlpg(&sim, OTHER);
	works(OTHER, READ);
	assert_true(sim.v.hw.filter_user);
}

/* What an address space reaches has changed while another runs, and both were loaded not long ago. */
static void another_space_gets_a_clean_page(void **state)
{
	u64 home, away, entry;

	(void)state;
	start(MMU_USER_ALWAYS, 0);
	home = root;
	away = new_root();
	entry = entry_at(away, 4, OTHER, 1);
	for (u32 i = 0; i < 2; i++) {
		sim_set_cr3(&sim, away);
		faults(OTHER, READ | USER, PFEC_U);
		sim_set_cr3(&sim, home);
		assert_true(sim.v.hw.filter_user);
	}
	put(entry, PAGE_B | CLEAN);
	assert_true(sim.v.hw.filter_user);
	assert_int_equal(mmu_audit(&sim.v), 0);
	sim_set_cr3(&sim, away);
	assert_false(sim.v.hw.filter_user);
	works(OTHER, WRITE | USER);
}

static void a_clean_large_page_turns_it_off(void **state)
{
	u64 gva = GVA + MIB(2);

	(void)state;
	start(MMU_USER_ALWAYS, 0);
	put(pde(gva), MIB(24) | CLEAN | PTE_PS);
	works(gva, READ | USER);
	assert_false(sim.v.hw.filter_user);
	works(gva, WRITE | USER);
	assert_true(sim.v.hw.filter_user);
}

/* A page that is lent is narrower for users than the guest says: no fault bypasses. */
static void a_lent_page_turns_all_off(void **state)
{
	struct mmu_fault f = {.gva = GVA, .pfec = PFEC_P | PFEC_W, .ac = true, .data = true};

	(void)state;
	start(MMU_USER_ALWAYS, 0);
	run_4level(0, CR4_SMAP, 0);
	mmu_lend(&sim.v, &f);
	assert_int_equal(sim.v.nr_lent, 1);
	assert_false(sim.v.hw.filter_present);
	mmu_take_back(&sim.v);
	assert_true(sim.v.hw.filter_present);
}

static void a_table_that_users_may_write_turns_it_off(void **state)
{
	u64 at;

	(void)state;
	start(MMU_USER_ALWAYS, 0);
	at = pte(GVA);
	put(pte(OTHER), (at & PTE_ADDR) | USER_RW);
	works(OTHER, READ | USER);
	assert_false(sim.v.hw.filter_user);
	works(OTHER + (at & 4095), WRITE | USER);
	put(pte(OTHER), 0);
	sim_invlpg(&sim, OTHER);
	assert_true(sim.v.hw.filter_user);
}

/* A page becomes a table while users have it writable. */
static void a_page_that_becomes_a_table_turns_it_off(void **state)
{
	(void)state;
	start(MMU_USER_ALWAYS, PAGE_B | USER_RW);
	works(OTHER, WRITE | USER);
	assert_true(sim.v.hw.filter_user);
	put(pde(GVA + MIB(2)), PAGE_B | UPPER);
	(void)try(GVA + MIB(2), READ | USER, NULL);
	assert_false(sim.v.hw.filter_user);
	works(OTHER, WRITE | USER);
}

/* Next to the hypervisor's memory a large page is split. */
static void a_split_page_turns_it_off(void **state)
{
	u64 gva = GVA + MIB(2);

	(void)state;
	for (u32 write = 0; write < 2; write++) {
		u64 flags = USER_RO | PTE_D | PTE_PS | (write ? PTE_W : 0);

		start(MMU_USER_ALWAYS, 0);
		put(pde(gva), SIM_HIDDEN_START | flags);
		works(gva, READ | USER);
		assert_int_equal(sim.v.hw.filter_user, !write);
	}
}

static void other_conditions(void **state)
{
	(void)state;
	start(MMU_USER_ALWAYS, 0);
	mmu_let_unsync(&sim.v, pte(GVA));
	assert_true(sim.v.hw.filter_present);
	assert_false(sim.v.hw.filter_user);
	put(pte(GVA), PAGE_A | USER_RW);
	works(GVA, WRITE | USER);
	sim_set_cr3(&sim, root);
	assert_true(sim.v.hw.filter_user);
	run_4level(0, 0, 0);
	assert_false(sim.v.hw.filter_user);
	works(GVA, READ | USER);
	run_4level(CR0_WP, 0, 0);
	assert_true(sim.v.hw.filter_user);
}

/* Eight entries at once: the guest has cleared them while their table was out of sync. */
static void a_line_that_goes_is_counted(void **state)
{
	(void)state;
	start(MMU_USER_ALWAYS, PAGE_B | CLEAN);
	works(OTHER, READ | USER);
	assert_false(sim.v.hw.filter_user);
	mmu_let_unsync(&sim.v, pte(GVA));
	put(pte(GVA), 0);
	put(pte(OTHER), 0);
	sim_set_cr3(&sim, root);
	assert_true(sim.v.hw.filter_user);
	faults(OTHER, WRITE | USER, PFEC_W | PFEC_U);
}

/* The CPU may still have a leaf as narrow as it was: the kernel has set D itself, which owes no flush. */
static void it_waits_for_old_leaves(void **state)
{
	(void)state;
	for (u32 seed = 1; seed <= 20; seed++) {
		start(MMU_USER_ALWAYS, PAGE_B | CLEAN);
		rnd_seed(&rng, seed);
		/* A flush: nothing older is left to wait for. */
		sim_set_cr3(&sim, root);
		works(OTHER, READ | USER);
		assert_false(sim.v.hw.filter_user);
		put(pte(OTHER), PAGE_B | USER_RW);
		assert_true(sim.v.hw.filter_user);
		works(OTHER, WRITE | USER);
	}
}

/* Or a link that is gone, to a table with such a leaf that another root reaches. */
static void it_waits_for_old_links(void **state)
{
	u64 other, up;

	(void)state;
	for (u32 seed = 1; seed <= 20; seed++) {
		start(MMU_USER_ALWAYS, PAGE_B | CLEAN);
		rnd_seed(&rng, seed);
		up = entry_at(root, 4, GVA, 4);
		other = new_root();
		sim_poke(&sim, other, sim_read(up, 8), 8);
		sim_set_cr3(&sim, other);
		works(OTHER, READ | USER);
		sim_set_cr3(&sim, root);
		works(OTHER, READ | USER);
		assert_false(sim.v.hw.filter_user);
		put(up, SIM_HIDDEN_START | UPPER);
		(void)try(OTHER, WRITE | USER, NULL);
	}
}

/* Whichever filter costs exits that the other would have saved gives way to it. */
static void it_goes_by_what_is_paid(void **state)
{
	u64 child;
	u32 nr = 0;

	(void)state;
	start(MMU_USER_AUTO, 0);
	assert_false(sim.v.hw.filter_user);
	for (exits(); !sim.v.hw.filter_user; nr++)
		faults(GVA, WRITE | USER, PF_WRITE);
	assert_in_range(nr, 2, 8);
	exits();
	faults(GVA, WRITE | USER, PF_WRITE);
	assert_int_equal(exits(), 0);
	/* Whatever address space: a process with page-table isolation has two, and changes no filter between them. */
	child = new_root();
	sim_set_cr3(&sim, child);
	assert_true(sim.v.hw.filter_user);
	for (nr = 0; sim.v.hw.filter_user; nr++) {
		faults(GVA, WRITE, PFEC_W);
		sim_set_cr3(&sim, child);
	}
	assert_in_range(nr, 2, 8);
	exits();
	faults(GVA, WRITE, PFEC_W);
	assert_int_equal(exits(), 0);
	sim_set_cr3(&sim, root);
	assert_false(sim.v.hw.filter_user);
	exits();
	faults(OTHER, WRITE, PFEC_W);
	assert_int_equal(exits(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copy_on_write_does_not_exit),
		cmocka_unit_test(never_is_never),
		cmocka_unit_test(a_clean_page_turns_it_off),
		cmocka_unit_test(another_space_gets_a_clean_page),
		cmocka_unit_test(a_clean_large_page_turns_it_off),
		cmocka_unit_test(a_lent_page_turns_all_off),
		cmocka_unit_test(a_table_that_users_may_write_turns_it_off),
		cmocka_unit_test(a_page_that_becomes_a_table_turns_it_off),
		cmocka_unit_test(a_split_page_turns_it_off),
		cmocka_unit_test(other_conditions),
		cmocka_unit_test(a_line_that_goes_is_counted),
		cmocka_unit_test(it_waits_for_old_leaves),
		cmocka_unit_test(it_waits_for_old_links),
		cmocka_unit_test(it_goes_by_what_is_paid),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
