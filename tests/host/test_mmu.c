/* SPDX-License-Identifier: MIT */
/*
 * Directed tests of the shadow MMU: what it promises, and each bug that it, or KVM before it, had.
 *
 * The guest is that of mmu_harness.h, so beside what a test asserts everything it does is judged.
 */
#include "arch/cpu.h"
#include "tests/host/mmu_harness.h"
#include "tests/host/sim_mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DIRECT  0xffff800000000000ULL /* all RAM, 2M pages, for the supervisor */
#define UPPER   (PTE_P | PTE_W | PTE_U | PTE_A)
#define USER_RW (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define USER_RO (PTE_P | PTE_U | PTE_A)
#define GVA     0x400000ULL
#define PAGE_A  MIB(4) /* two pages of data */
#define PAGE_B  (MIB(4) + PAGE_SIZE)

enum { READ, WRITE, FETCH, SUPERVISOR = 0, USER = 4, AC = 8 };

static struct sim sim;
static struct rnd rng;
static u64 next_table, root;

static const struct sim_config plain = {
	.features = {.maxphyaddr = 40, .nx = true, .pages_1g = true, .pse36 = true},
	.traps = SIM_TRAPS_ADDRESS,
	.sync = MMU_SYNC_ALWAYS,
	.bypass = true,
	.vpid = true,
};

static void machine(const struct sim_config *c)
{
	rnd_seed(&rng, 1);
	sim_init(&sim, c, &rng);
	sim.audit_each = true;
	sim.emulate_all = true;
	next_table = MIB(2);
	root = 0;
}

static u64 table(void)
{
	next_table += PAGE_SIZE;
	return next_table - PAGE_SIZE;
}

/* --- four-level tables -------------------------------------------------------------------------- */

/* Where the entry of this level is for an address, tables made on the way. */
static u64 entry_at(u64 top, int levels, u64 gva, int level)
{
	u64 at = top;

	for (int l = levels;; l--) {
		u64 gpa = at + 8 * (gva >> (12 + 9 * (l - 1)) & 511), entry = sim_read(gpa, 8);

		if (l == level)
			return gpa;
		if (!(entry & PTE_P)) {
			entry = table() | UPPER;
			sim_poke(&sim, gpa, entry, 8);
		}
		at = entry & PTE_ADDR;
	}
}

static u64 pte(u64 gva)
{
	return entry_at(root, 4, gva, 1);
}

static u64 pde(u64 gva)
{
	return entry_at(root, 4, gva, 2);
}

/* A root with the direct map. */
static u64 new_root(void)
{
	u64 top = table();

	for (u64 gpa = 0; gpa < MIB(28); gpa += MIB(2))
		sim_poke(&sim, entry_at(top, 4, DIRECT + gpa, 2),
			 gpa | PTE_P | PTE_W | PTE_PS | PTE_A | PTE_D, 8);
	return top;
}

static void run_4level(u64 cr0, u64 cr4, u64 efer)
{
	sim_set_regs(&sim, CR0_PG | CR0_PE | cr0, root, CR4_PAE | cr4, EFER_LMA | efer, true);
}

/* --- the guest's doings ------------------------------------------------------------------------- */

/* 0 when the access works, or 0x100 | the error code. */
static u32 try(u64 gva, u32 kind, u64 *value)
{
	struct ref_access a = {
		.gva = gva, .write = (kind & 3) == WRITE, .fetch = (kind & 3) == FETCH};
	u64 data = value ? *value : 0x1122334455667788;
	u32 pfec;

	a.user = kind & USER;
	a.ac = kind & AC;
	sim.stats.steps++;
	if (sim_access(&sim, &a, &data, 8, &pfec) == SIM_DONE)
		return 0;
	return 0x100 | pfec;
}

#define works(gva, kind)              assert_int_equal(try(gva, kind, NULL), 0)
#define faults(gva, kind, error_code) assert_int_equal(try(gva, kind, NULL), 0x100 | (error_code))

/* The guest stores to its memory, a table mostly, through the direct map. */
static void put(u64 gpa, u64 value)
{
	assert_int_equal(try(DIRECT + gpa, WRITE | AC, &value), 0);
	assert_int_equal(sim_read(gpa, 8), value);
}

static u64 exits_since;

static u64 exits(void)
{
	u64 n = sim.stats.exits - exits_since;

	exits_since = sim.stats.exits;
	return n;
}

/* --- the idea ----------------------------------------------------------------------------------- */

static void not_present_faults_do_not_exit(void **state)
{
	(void)state;
	machine(&plain);
	root = new_root();
	pte(GVA);
	run_4level(CR0_WP, 0, 0);
	faults(GVA, READ | USER, 4);
	(void)exits();
	for (u32 i = 0; i < 64; i++)
		faults(GVA + i * PAGE_SIZE, WRITE | USER, 6);
	assert_int_equal(exits(), 0);
	/* At the upper levels too. */
	faults(GVA + GIB(1), READ | USER, 4);
	faults(GVA + GIB(512), WRITE, 2);
	faults(GVA + GIB(512), FETCH | USER, 4);
	assert_int_equal(exits(), 0);
}

static void demand_page_costs_one_exit(void **state)
{
	struct sim_config c = plain;
	u64 at;

	(void)state;
	for (u32 hybrid = 0; hybrid < 2; hybrid++) {
		c.sync = hybrid ? MMU_SYNC_HYBRID : MMU_SYNC_ALWAYS;
		machine(&c);
		root = new_root();
		at = pte(GVA);
		run_4level(CR0_WP, 0, 0);
		faults(GVA, WRITE | USER, 6);
		put(at, PAGE_A | USER_RW);
		works(GVA, WRITE | USER);
		for (u32 i = 1; i < 64; i++) {
			(void)exits();
			faults(GVA + i * PAGE_SIZE, WRITE | USER, 6);
			put(at + 8 * i, (PAGE_A + i * PAGE_SIZE) | USER_RW);
			works(GVA + i * PAGE_SIZE, WRITE | USER);
			assert_int_equal(exits(), 1);
		}
	}
}

/* Entries 1 .. nr of a table, none of them used. */
static void write_entries(u64 at, u32 nr, u64 entry)
{
	for (u32 i = 1; i <= nr; i++)
		put(at + 8 * i, entry);
}

/* The fourth write to a table whose entries are not used unsyncs it; the second, where that paid. */
static void flood_costs_four_exits(void **state)
{
	struct sim_config c = plain;
	u64 at;

	(void)state;
	c.sync = MMU_SYNC_HYBRID;
	machine(&c);
	root = new_root();
	at = pte(GVA);
	sim_poke(&sim, at, PAGE_A | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, READ | USER);
	(void)exits();
	write_entries(at, 64, PAGE_A | USER_RO);
	assert_int_equal(exits(), 4);
	sim_set_cr3(&sim, root);
	(void)exits();
	write_entries(at, 64, PAGE_B | USER_RO);
	assert_int_equal(exits(), 2);
	/* One entry that is written twice is no flood. */
	sim_set_cr3(&sim, root);
	(void)exits();
	for (u32 i = 0; i < 3; i++)
		write_entries(at, 1, i & 1 ? PAGE_A | USER_RO : 0);
	assert_int_equal(exits(), 3);
	assert_false(sim.v.hw.exit_invlpg);
}

/* Where little was written while a table was out of sync, the next flood has to show itself anew. */
static void short_flood_does_not_pay(void **state)
{
	struct sim_config c = plain;
	u64 at;

	(void)state;
	c.sync = MMU_SYNC_HYBRID;
	machine(&c);
	root = new_root();
	at = pte(GVA);
	sim_poke(&sim, at, PAGE_A | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, READ | USER);
	for (u32 i = 0; i < 4; i++) {
		u64 page = i & 1 ? PAGE_A : PAGE_B;

		(void)exits();
		/* Three of them after it went out of sync. */
		write_entries(at, 7, page | USER_RO);
		assert_int_equal(exits(), 4);
		assert_true(sim.v.hw.exit_invlpg);
		sim_set_cr3(&sim, root);
	}
}

static void no_flood_but_with_hybrid(void **state)
{
	u64 at;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	sim_poke(&sim, at, PAGE_A | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, READ | USER);
	(void)exits();
	write_entries(at, 16, PAGE_A | USER_RO);
	assert_int_equal(exits(), 16);
	assert_false(sim.v.hw.exit_invlpg);
}

static void accessed_and_dirty(void **state)
{
	u64 at, large;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	large = pde(GVA + MIB(2));
	sim_poke(&sim, at, PAGE_A | PTE_P | PTE_W | PTE_U, 8);
	sim_poke(&sim, large, MIB(4) | PTE_PS | PTE_P | PTE_W | PTE_U, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, READ | USER);
	assert_int_equal(sim_read(at, 8) & (PTE_A | PTE_D), PTE_A);
	works(GVA, WRITE | USER);
	assert_int_equal(sim_read(at, 8) & (PTE_A | PTE_D), PTE_A | PTE_D);
	works(GVA + MIB(2), FETCH | USER);
	assert_int_equal(sim_read(large, 8) & (PTE_A | PTE_D), PTE_A);
	works(GVA + MIB(3), WRITE | USER);
	assert_int_equal(sim_read(large, 8) & (PTE_A | PTE_D), PTE_A | PTE_D);
}

/* The tables that a walk has used say so, though it ended at an entry that is not present. */
static void accessed_on_the_way_to_nothing(void **state)
{
	(void)state;
	machine(&plain);
	root = new_root();
	pte(GVA);
	for (int level = 2; level <= 4; level++) {
		u64 at = entry_at(root, 4, GVA, level);

		sim_poke(&sim, at, sim_read(at, 8) & ~PTE_A, 8);
	}
	run_4level(CR0_WP, 0, 0);
	faults(GVA, READ | USER, 4);
	for (int level = 2; level <= 4; level++)
		assert_true(sim_read(entry_at(root, 4, GVA, level), 8) & PTE_A);
	(void)exits();
	faults(GVA, READ | USER, 4);
	assert_int_equal(exits(), 0);
}

static void garbage_in_a_not_present_entry(void **state)
{
	u64 at;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	sim_poke(&sim, at, ~PTE_P, 8);
	sim_poke(&sim, pde(GVA + MIB(2)), 0x7fffffff00000ffeULL, 8);
	run_4level(CR0_WP, 0, EFER_NXE);
	faults(GVA, READ, 0);
	faults(GVA + MIB(2), FETCH | USER, 0x14);
	(void)exits();
	faults(GVA, READ, 0);
	faults(GVA + MIB(2), FETCH | USER, 0x14);
	assert_int_equal(exits(), 0);
	put(at, ~PTE_P ^ 0xff0);
	faults(GVA, READ, 0);
}

/* --- error codes and rights --------------------------------------------------------------------- */

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
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	sim_poke(&sim, at, PAGE_A | USER_RO, 8);
	run_4level(CR0_WP, 0, 0);
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
	works(GVA + PAGE_SIZE, FETCH);
	works(GVA + PAGE_SIZE, READ | AC);
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

/* --- strange tables ----------------------------------------------------------------------------- */

static void table_that_maps_itself(void **state)
{
	u64 at, self = 0xffff000000000000ULL | 0x1f0ULL << 39 | 0x1f0ULL << 30 | 0x1f0ULL << 21 |
		       0x1f0ULL << 12;
	u64 value = PAGE_B | USER_RW;
	u64 own_pte = 0xffff000000000000ULL | 0x1f0ULL << 39 | GVA >> 9;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	sim_poke(&sim, at, PAGE_A | USER_RW, 8);
	sim_poke(&sim, root + 8 * 0x1f0, root | PTE_P | PTE_W | PTE_A | PTE_D, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, WRITE | USER);
	works(self, READ);
	/* The entry of GVA through the recursive slot. */
	assert_int_equal(try(own_pte, WRITE, &value), 0);
	assert_int_equal(sim_read(at, 8) & ~(PTE_A | PTE_D), value & ~(PTE_A | PTE_D));
	sim_invlpg(&sim, GVA);
	works(GVA, READ | USER);
	value = 0;
	assert_int_equal(try(own_pte + 8, WRITE, &value), 0);
	faults(GVA + PAGE_SIZE, READ | USER, 4);
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

static void write_across_two_entries(void **state)
{
	struct ref_access a = {.write = true, .ac = true};
	u64 at, data[2] = {(PAGE_A | USER_RW) << 32, (PAGE_A | USER_RW) >> 32};
	u32 pfec;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	sim_poke(&sim, at, PAGE_B | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, READ | USER);
	faults(GVA + PAGE_SIZE, READ | USER, 4);
	a.gva = DIRECT + at + 4;
	assert_int_equal(sim_access(&sim, &a, data, 8, &pfec), SIM_DONE);
	works(GVA + PAGE_SIZE, READ | USER);
	sim_invlpg(&sim, GVA);
	works(GVA + PAGE_SIZE, WRITE | USER);
	data[0] = PAGE_A | USER_RW;
	data[1] = PAGE_B | USER_RW;
	a.gva = DIRECT + at + 16;
	assert_int_equal(sim_access(&sim, &a, data, 16, &pfec), SIM_DONE);
	works(GVA + 2 * PAGE_SIZE, READ | USER);
	works(GVA + 3 * PAGE_SIZE, READ | USER);
}

static void table_written_through_aliases(void **state)
{
	u64 at, value = PAGE_A | USER_RW;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	sim_poke(&sim, pte(GVA + MIB(2)), ALIGN_DOWN(at, PAGE_SIZE) | USER_RW, 8);
	sim_poke(&sim, pte(GVA + MIB(4)), ALIGN_DOWN(at, PAGE_SIZE) | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	for (u32 i = 0; i < 3; i++) {
		u64 alias = i == 2 ? DIRECT + ALIGN_DOWN(at, PAGE_SIZE) : GVA + (i + 1) * MIB(2);

		alias += 8 * i;
		/* First a page like any other, then a table. */
		if (i < 2)
			works(alias + 2048, WRITE | USER);
		faults(GVA + i * PAGE_SIZE, READ | USER, 4);
		assert_int_equal(try(alias, WRITE | (i < 2 ? USER : 0), &value), 0);
		works(GVA + i * PAGE_SIZE, READ | USER);
	}
}

/* A write to a table that its mapping forbids is a fault as to any other page. */
static void forbidden_writes_to_a_table(void **state)
{
	u64 at, user = GVA + MIB(2), alias = DIRECT + GIB(1);

	(void)state;
	machine(&plain);
	root = new_root();
	at = ALIGN_DOWN(pte(GVA), PAGE_SIZE);
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RW, 8);
	sim_poke(&sim, pte(user), at | USER_RW, 8);
	/* The direct map once more, by a link without W. */
	sim_poke(&sim, entry_at(root, 4, alias, 3),
		 sim_read(entry_at(root, 4, DIRECT, 3), 8) & ~PTE_W, 8);
	run_4level(CR0_WP, CR4_SMAP, 0);
	works(GVA, READ | USER);
	for (u32 i = 0; i < 3; i++) {
		works(DIRECT + at, READ);
		faults(DIRECT + at, WRITE | USER, 7);
		works(alias + at, READ);
		faults(alias + at, WRITE, 3);
		works(user, READ | USER);
		faults(user, WRITE, 3);
	}
	put(at + 8, PAGE_B | USER_RW);
	works(GVA + PAGE_SIZE, READ | USER);
}

static void hidden_memory_stays_hidden(void **state)
{
	(void)state;
	machine(&plain);
	root = new_root();
	sim_poke(&sim, pde(GVA), SIM_HIDDEN_START | PTE_PS | USER_RW, 8);
	sim_poke(&sim, pte(GVA + MIB(2)), (SIM_POOL + 4 * PAGE_SIZE) | USER_RW, 8);
	sim_poke(&sim, entry_at(root, 4, GVA + GIB(1), 3), PTE_PS | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	for (u64 at = 0; at < MIB(2); at += 37 * PAGE_SIZE) {
		works(GVA + at, READ | USER);
		works(GVA + at, WRITE | USER);
	}
	works(GVA + MIB(2), WRITE | USER);
	for (u64 at = 0; at < MIB(28); at += 61 * PAGE_SIZE)
		works(ALIGN_DOWN(GVA + GIB(1), GIB(1)) + at, READ | USER);
	works(DIRECT + SIM_HIDDEN_START + MIB(1), WRITE);
	sim_finish(&sim);
}

/* Registers that the hypervisor keeps, and those it writes for the guest, wherever they are. */
static void registers_apart(void **state)
{
	static const struct memmap_range watched[] = SIM_WATCHED, hidden[] = SIM_FAR_HIDDEN;
	static const u64 large[] = {GIB(3) + MIB(4), GIB(3) + MIB(6), GIB(3) + MIB(8),
				    GIB(9),          GIB(9) + MIB(2), GIB(9) + MIB(4)};
	u64 before;

	(void)state;
	machine(&plain);
	root = new_root();
	for (u32 i = 0; i < 3; i++) {
		sim_poke(&sim, pte(GVA + i * PAGE_SIZE), watched[i].start | USER_RW, 8);
		sim_poke(&sim, pte(GVA + (8 + i) * PAGE_SIZE), hidden[i].start | USER_RW, 8);
	}
	for (u32 i = 0; i < ARRAY_SIZE(large); i++)
		sim_poke(&sim, pde(GIB(1) + i * MIB(2)), large[i] | PTE_PS | USER_RW, 8);
	sim_poke(&sim, entry_at(root, 4, GIB(2), 3), GIB(9) | PTE_PS | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	for (u32 round = 0; round < 2; round++) {
		for (u32 i = 0; i < 3; i++) {
			before = sim.stats.watched;
			works(GVA + i * PAGE_SIZE, WRITE | USER);
			works(GVA + i * PAGE_SIZE, READ | USER);
			works(GVA + i * PAGE_SIZE, WRITE | USER);
			assert_int_equal(sim.stats.watched, before + 2);
			works(GVA + (8 + i) * PAGE_SIZE, WRITE | USER);
			works(GVA + (8 + i) * PAGE_SIZE, READ | USER);
		}
		for (u64 at = 0; at < ARRAY_SIZE(large) * MIB(2); at += 61 * PAGE_SIZE) {
			works(GIB(1) + at, READ | USER);
			works(GIB(1) + at, WRITE | USER);
		}
		for (u64 at = 0; at < MIB(6); at += 61 * PAGE_SIZE)
			works(GIB(2) + at, WRITE | USER);
	}
	sim_finish(&sim);
}

/* What is known of memory by the 2 MiB ends with RAM, at 4 GiB or over: tables past it are told apart. */
static void pages_past_all_ram(void **state)
{
	(void)state;
	machine(&plain);
	root = new_root();
	for (u64 i = 1; i < 4; i++)
		sim_poke(&sim, entry_at(root, 4, i * GIB(1), 3), GIB(8 + i) | PTE_PS | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	for (u32 round = 0; round < 2; round++) {
		for (u64 i = 1; i < 4; i++)
			works(i * GIB(1) + i * MIB(2), READ | USER);
	}
}

/* --- flushes ------------------------------------------------------------------------------------ */

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

/* The CPU may write through a mapping that is gone but was not flushed, into what is a table by now. */
static void page_that_becomes_a_table(void **state)
{
	u64 at, up, page = PAGE_A;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	up = pde(GVA + GIB(1));
	run_4level(CR0_WP, 0, 0);
	for (u32 i = 0; i < 8; i++, page += PAGE_SIZE) {
		u64 gva = GVA + i * PAGE_SIZE, below = GVA + GIB(1) + i * MIB(2), entry = 0;

		put(at + 8 * i, page | USER_RW);
		assert_int_equal(try(gva, WRITE | USER, &entry), 0);
		put(at + 8 * i, 0);
		put(up + 8 * i, page | UPPER);
		faults(below + PAGE_SIZE, READ | USER, 4);
		entry = PAGE_B | USER_RW;
		if (!try(gva + 8, WRITE | USER, &entry))
			works(below + PAGE_SIZE, READ | USER);
	}
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

static void protection_fault_drops_what_is_cached(void **state)
{
	u64 at;

	(void)state;
	machine(&plain);
	root = new_root();
	at = pte(GVA);
	sim_poke(&sim, at, PAGE_A | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
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

/* An instruction that is not decoded writes a table through a page that the table itself maps. */
static void unknown_write_through_the_table_itself(void **state)
{
	static const enum mmu_sync policy[] = {MMU_SYNC_HYBRID, MMU_SYNC_ALWAYS, MMU_SYNC_NEVER};
	struct sim_config c = plain;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(policy); i++) {
		c.sync = policy[i];
		machine(&c);
		/* None is decoded. */
		sim.emulate_all = false;
		root = new_root();
		sim_poke(&sim, pte(GVA), ALIGN_DOWN(pte(GVA), PAGE_SIZE) | USER_RW, 8);
		sim_poke(&sim, pte(GVA) + 8, PAGE_A | USER_RW, 8);
		sim_poke(&sim, pte(GVA) + 16, root | USER_RW, 8);
		run_4level(CR0_WP, 0, 0);
		works(GVA + PAGE_SIZE, READ | USER);
		for (u32 k = 0; k < 64; k++) {
			u64 value = (PAGE_A + k * PAGE_SIZE) | USER_RW;

			assert_int_equal(try(GVA + 8 * (8 + k), WRITE | USER, &value), 0);
			works(GVA + (8 + k) * PAGE_SIZE, READ | USER);
			assert_int_equal(
				try(GVA + 2 * PAGE_SIZE + 8 * (300 + k), WRITE | USER, &(u64){k}),
				0);
		}
	}
}

/* --- other modes -------------------------------------------------------------------------------- */

static void run_32(u64 cr0, u64 cr4)
{
	sim_set_regs(&sim, CR0_PG | CR0_PE | cr0, root, cr4, 0, true);
}

static void two_level_tables(void **state)
{
	u64 pt;

	(void)state;
	machine(&plain);
	root = table();
	pt = table();
	sim_poke(&sim, root, pt | UPPER, 4);
	sim_poke(&sim, root + 4 * 1023, pt | UPPER, 4);
	for (u32 i = 0; i < 1024; i += 31)
		sim_poke(&sim, pt + 4 * i, (PAGE_A + i % 2 * PAGE_SIZE) | (i % 3 ? UPPER : USER_RO),
			 4);
	run_32(CR0_WP, 0);
	for (u32 round = 0; round < 2; round++) {
		for (u32 i = 0; i < 1024; i += 31) {
			for (u64 top = 0; top <= 0xffc00000; top += 0xffc00000) {
				works(top + i * PAGE_SIZE, READ | USER);
				if (i % 3)
					works(top + i * PAGE_SIZE, WRITE | USER);
				else
					faults(top + i * PAGE_SIZE, WRITE | USER, 7);
			}
		}
	}
	faults(PAGE_SIZE, READ | USER, 4);
	faults(MIB(4), WRITE, 2);
	(void)exits();
	for (u32 i = 1; i < 31; i++) {
		faults(i * PAGE_SIZE, READ | USER, 4);
		faults((512 + i % 15) * PAGE_SIZE, READ | USER, 4);
		faults(i * MIB(4), WRITE, 2);
	}
	assert_int_equal(exits(), 0);
}

/* What CR3 held in long mode may remain: 32-bit paging has no use for it. */
static void upper_half_of_cr3(void **state)
{
	(void)state;
	machine(&plain);
	root = table();
	sim_poke(&sim, root, (table() | UPPER) & ~PTE_A, 4);
	sim_poke(&sim, root + PAGE_SIZE, PAGE_A | USER_RW, 4);
	root |= GIB(8);
	run_32(CR0_WP, 0);
	works(0, WRITE | USER);
	faults(PAGE_SIZE, READ | USER, 4);
}

/* The A bit of an odd 32-bit entry is an address bit of the 64-bit entry around it. */
static void frame_with_tables_of_two_formats(void **state)
{
	struct sim_config c = plain;
	u64 pt, pt32;

	(void)state;
	c.features.maxphyaddr = 52;
	c.traps = SIM_TRAPS_STRUCTURAL;
	machine(&c);
	root = new_root();
	pt = ALIGN_DOWN(pte(GVA), PAGE_SIZE);
	pt32 = table();
	sim_poke(&sim, pt, USER_RW | PAGE_A, 8);
	run_4level(CR0_WP, 0, 0);
	works(GVA, READ | USER);
	sim_set_regs(&sim, CR0_PE, 0, 0, 0, true);
	{
		struct ref_access a = {.gva = pt, .write = true};
		u64 value = (PAGE_A | USER_RW) | (pt32 | PTE_P | PTE_W | PTE_U) << 32;
		u32 pfec;

		assert_int_equal(sim_access(&sim, &a, &value, 8, &pfec), SIM_DONE);
		a.gva = pt32;
		value = PAGE_B | USER_RW;
		assert_int_equal(sim_access(&sim, &a, &value, 4, &pfec), SIM_DONE);
	}
	sim_set_regs(&sim, CR0_PG | CR0_PE | CR0_WP, pt, 0, 0, true);
	works(MIB(4), WRITE | USER);
	assert_true(sim_read(pt + 4, 4) & PTE_A);
	run_4level(CR0_WP, 0, 0);
	/* An address without RAM, with the A bit in it. */
	works(GVA, READ | USER);
	sim_finish(&sim);
}

/* A page that is a table, whose D bit the guest takes away: the next write sets it again. */
static void dirty_bit_of_a_page_that_is_a_table(void **state)
{
	struct ref_access a = {.write = true};
	u64 pt, value = 0;
	u32 pfec;

	(void)state;
	machine(&plain);
	root = table();
	pt = table();
	sim_poke(&sim, root, pt | UPPER, 4);
	sim_poke(&sim, pt, pt | USER_RW, 4);
	sim_poke(&sim, pt + 4, PAGE_A | USER_RW, 4);
	run_32(CR0_WP, 0);
	works(PAGE_SIZE, READ);
	a.gva = 8;
	assert_int_equal(sim_access(&sim, &a, &value, 4, &pfec), SIM_DONE);
	for (u32 i = 0; i < 4; i++) {
		a.gva = 0;
		value = pt | (USER_RW & ~PTE_D);
		assert_int_equal(sim_access(&sim, &a, &value, 4, &pfec), SIM_DONE);
		sim_set_cr3(&sim, root);
		a.gva = 12;
		value = 0;
		assert_int_equal(sim_access(&sim, &a, &value, 4, &pfec), SIM_DONE);
		assert_true(sim_read(pt, 4) & PTE_D);
	}
}

static void four_megabyte_pages(void **state)
{
	struct sim_config c = plain;

	(void)state;
	c.high_ram = true;
	machine(&c);
	root = table();
	sim_poke(&sim, root, MIB(4) | PTE_PS | (USER_RW & ~PTE_D), 4);
	sim_poke(&sim, root + 4, 1 << 13 | PTE_PS | USER_RW, 4); /* PSE-36: 4 GiB */
	sim_poke(&sim, root + 8, PTE_PS | USER_RW, 4);           /* the tables are here */
	run_32(CR0_WP, CR4_PSE);
	works(MIB(1), READ | USER);
	works(MIB(3), WRITE | USER);
	assert_true(sim_read(root, 4) & PTE_D);
	works(MIB(3) + PAGE_SIZE, WRITE | USER);
	works(MIB(4) + KIB(64), WRITE | USER);
	assert_int_equal(sim_read(GIB(4) + KIB(64), 8), 0x1122334455667788);
	/* INVLPG of one half is for both. */
	for (u32 half = 0; half < 2; half++) {
		u64 value = half ? MIB(4) | PTE_PS | USER_RW : 0;
		struct ref_access a = {.gva = MIB(8) + root, .write = true};
		u32 pfec;

		works(half ? KIB(4) : MIB(2), half ? USER | READ : USER | WRITE);
		assert_int_equal(sim_access(&sim, &a, &value, 4, &pfec), SIM_DONE);
		sim_invlpg(&sim, half ? 0 : MIB(1));
		if (!half) {
			faults(MIB(3), READ | USER, 4);
			faults(MIB(1), READ | USER, 4);
			value = MIB(24) | PTE_PS | USER_RW;
			assert_int_equal(sim_access(&sim, &a, &value, 4, &pfec), SIM_DONE);
			works(MIB(2), READ | USER);
			works(0, READ | USER);
		} else {
			works(MIB(2), WRITE | USER);
			works(0, WRITE | USER);
		}
	}
	/* PSE off: bit 7 means nothing. */
	sim_set_regs(&sim, CR0_PG | CR0_PE, root, 0, 0, true);
	faults(MIB(1), READ | USER, 4);
}

static void pae_tables(void **state)
{
	struct ref_access a = {.gva = 0x40000000, .user = true};
	u64 pd, pt;
	u32 pfec;

	(void)state;
	machine(&plain);
	root = table() + 0x20;
	pd = table();
	pt = table();
	sim_poke(&sim, root, pd | PTE_P, 8);
	sim_poke(&sim, root + 8, pd | PTE_P, 8);
	sim_poke(&sim, pd, pt | UPPER, 8);
	sim_poke(&sim, pd + 8, MIB(2) | PTE_PS | PTE_P | PTE_W | PTE_A | PTE_D, 8);
	sim_poke(&sim, pt, PAGE_A | USER_RW | PTE_NX, 8);
	sim_poke(&sim, pt + 8, PAGE_A | USER_RW | BIT(53), 8);
	assert_int_equal(
		sim_set_regs(&sim, CR0_PG | CR0_PE | CR0_WP, root, CR4_PAE, EFER_NXE, true), 0);
	works(0, WRITE | USER);
	works(0x40000000, WRITE | USER);
	faults(0, FETCH | USER, 0x15);
	faults(PAGE_SIZE, READ | USER, 0xd);
	faults(0x80000000, READ | USER, 4);
	faults(2 * PAGE_SIZE, WRITE | USER, 6);
	(void)exits();
	faults(3 * PAGE_SIZE, WRITE | USER, 6);
	faults(0xc0000000, READ | USER, 4);
	assert_int_equal(exits(), 0);
	/* A PDPTE counts when it is loaded, not when it is written. */
	a.gva = 0x200000 + (root & 0x1fffff) + 8;
	a.user = false;
	a.write = true;
	assert_int_equal(sim_access(&sim, &a, &(u64){0}, 8, &pfec), SIM_DONE);
	works(0x40000000, READ | USER);
	sim_set_cr3(&sim, root);
	faults(0x40000000, READ | USER, 4);
	/* And a bad one is #GP. */
	assert_int_equal(sim_access(&sim, &a, &(u64){pd | PTE_P | PTE_W}, 8, &pfec), SIM_DONE);
	assert_int_equal(sim_set_cr3(&sim, root), -1);
}

static void paging_off_and_back(void **state)
{
	(void)state;
	machine(&plain);
	root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RW, 8);
	sim_set_regs(&sim, CR0_PE, 0, 0, 0, true);
	works(MIB(1), WRITE);
	works(KIB(700), READ);
	works(0xfee00000, READ);
	works(0xfffffff0, FETCH);
	works(MIB(3), WRITE | USER);
	run_4level(CR0_WP, CR4_SMEP | CR4_SMAP, 0);
	works(GVA, WRITE | USER);
	faults(GVA, READ, 1);
	sim_set_regs(&sim, CR0_PE, root, CR4_SMEP | CR4_SMAP, 0, true);
	works(MIB(1), FETCH);
	works(MIB(1), WRITE);
	/* A table of before is written while there is no paging. */
	{
		struct ref_access a = {.gva = pte(GVA), .write = true};
		u32 pfec;

		assert_int_equal(sim_access(&sim, &a, &(u64){PAGE_B | USER_RW}, 8, &pfec),
				 SIM_DONE);
	}
	run_4level(CR0_WP, 0, 0);
	works(GVA, READ | USER);
}

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

/* --- traps that are not proved, and the pool ---------------------------------------------------- */

static void filter_follows_the_traps(void **state)
{
	struct sim_config c = plain;

	(void)state;
	c.traps = SIM_TRAPS_NONE;
	machine(&c);
	root = new_root();
	sim_poke(&sim, pte(GVA), PAGE_A | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	assert_false(sim.v.hw.filter_present);
	works(GVA, WRITE | USER);
	faults(GVA + PAGE_SIZE, WRITE | USER, 6);
	assert_int_equal(sim.stats.bypassed, 0);
	c.bypass = false;
	c.traps = SIM_TRAPS_ADDRESS;
	machine(&c);
	root = new_root();
	run_4level(CR0_WP, 0, 0);
	assert_false(sim.v.hw.filter_present);
}

/*
 * The CPU may still hold a link that was there, to a table with a trap that looks not present: the
 * filter must not come on before that is forgotten, though no such table is reached any more.
 */
static void filter_waits_for_old_links(void **state)
{
	struct sim_config c = plain;
	u64 other, up;

	(void)state;
	c.features.maxphyaddr = 52;
	c.traps = SIM_TRAPS_STRUCTURAL;
	for (u32 seed = 1; seed <= 20; seed++) {
		machine(&c);
		rnd_seed(&rng, seed);
		root = new_root();
		sim_poke(&sim, pte(GVA), PAGE_A | USER_RW, 8);
		/* A=0: the soft trap, once the table is there. */
		sim_poke(&sim, pte(GVA + PAGE_SIZE), PAGE_B | PTE_P | PTE_W | PTE_U, 8);
		up = entry_at(root, 4, GVA, 4);
		other = new_root();
		sim_poke(&sim, other, sim_read(up, 8), 8);
		run_4level(CR0_WP, 0, 0);
		works(GVA, READ | USER);
		/* The tables live on under another root. */
		sim_set_cr3(&sim, other);
		works(GVA, READ | USER);
		sim_set_cr3(&sim, root);
		works(GVA, READ | USER);
		assert_false(sim.v.hw.filter_present);
		/* The hypervisor's memory reads as ones: reserved bits. */
		put(up, SIM_HIDDEN_START | UPPER);
		(void)try(GVA + PAGE_SIZE, READ | USER, NULL);
	}
}

/* Many address spaces, each mapping much: the pool recycles, and nothing fails. */
static void pool_is_bounded(void **state)
{
	struct sim_config c = plain;
	struct memmap map;

	(void)state;
	for (u64 ram = MIB(256); ram <= GIB(256); ram *= 4) {
		map = (struct memmap){0};
		assert_int_equal(memmap_add(&map, 0, ram, MEMMAP_RAM), 0);
		assert_in_range(mmu_memory_size(&map), 1, ram / 1000 * (MMU_POOL_PERMILLE + 4));
	}
	/* On a PC with this much there are 2 GiB below 4 GiB, and the guest wants some. */
	assert_in_range(mmu_memory_size(&map), 1, GIB(1) + MIB(64));
	for (u32 tiny = 0; tiny < 2; tiny++) {
		c.pool_size = tiny ? sim_least_pool(&c) : 0;
		machine(&c);
		for (u32 space = 0; space < 24; space++) {
			root = new_root();
			for (u32 i = 0; i < 16; i++)
				sim_poke(&sim, pte(GVA + i * MIB(2)), PAGE_A | USER_RW, 8);
			sim_poke(&sim, MIB(25) + 8 * space, root, 8);
		}
		for (u32 round = 0; round < 2; round++) {
			for (u32 space = 0; space < 24; space++) {
				root = sim_read(MIB(25) + 8 * space, 8);
				run_4level(CR0_WP, 0, 0);
				for (u32 i = 0; i < 16; i++) {
					works(GVA + i * MIB(2), WRITE | USER);
					faults(GVA + i * MIB(2) + PAGE_SIZE, READ | USER, 4);
				}
			}
		}
		assert_true(sim.counters.value[CNT_mmu_recycled] > 0);
		sim_finish(&sim);
	}
}

static void failed(void)
{
	fail_msg("the judge said no");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_present_faults_do_not_exit),
		cmocka_unit_test(demand_page_costs_one_exit),
		cmocka_unit_test(flood_costs_four_exits),
		cmocka_unit_test(short_flood_does_not_pay),
		cmocka_unit_test(no_flood_but_with_hybrid),
		cmocka_unit_test(accessed_and_dirty),
		cmocka_unit_test(accessed_on_the_way_to_nothing),
		cmocka_unit_test(garbage_in_a_not_present_entry),
		cmocka_unit_test(error_codes_of_prefilled_entries),
		cmocka_unit_test(shared_page_directory_with_different_rights),
		cmocka_unit_test(child_found_by_its_whole_role),
		cmocka_unit_test(large_page_dirty_with_wp0),
		cmocka_unit_test(large_page_with_tables_and_wp0),
		cmocka_unit_test(smep_with_wp0),
		cmocka_unit_test(toggling_wp),
		cmocka_unit_test(fetch_that_looks_like_a_read),
		cmocka_unit_test(protection_key_with_wp0),
		cmocka_unit_test(smap_with_wp0),
		cmocka_unit_test(smap_comes_with_wp0),
		cmocka_unit_test(access_key_with_wp0),
		cmocka_unit_test(key_of_an_unsynced_entry),
		cmocka_unit_test(lent_page_leaves_the_tlb),
		cmocka_unit_test(every_fault_exits_while_a_page_is_lent),
		cmocka_unit_test(lent_page_has_no_key),
		cmocka_unit_test(more_pages_than_can_be_lent),
		cmocka_unit_test(invlpg_of_a_split_page_with_fewer_rights),
		cmocka_unit_test(split_page_with_fewer_rights_out_of_sync),
		cmocka_unit_test(unlinked_table_leaves_the_caches),
		cmocka_unit_test(table_that_maps_itself),
		cmocka_unit_test(large_page_that_covers_its_own_tables),
		cmocka_unit_test(write_across_two_entries),
		cmocka_unit_test(table_written_through_aliases),
		cmocka_unit_test(forbidden_writes_to_a_table),
		cmocka_unit_test(hidden_memory_stays_hidden),
		cmocka_unit_test(registers_apart),
		cmocka_unit_test(pages_past_all_ram),
		cmocka_unit_test(invlpg_of_a_split_large_page),
		cmocka_unit_test(both_of_two_invlpgs),
		cmocka_unit_test(page_that_becomes_a_table),
		cmocka_unit_test(unsynced_table_linked_again),
		cmocka_unit_test(unsynced_table_with_more_rights),
		cmocka_unit_test(unsynced_tables_with_more_rights),
		cmocka_unit_test(unsynced_table_out_of_the_users_reach),
		cmocka_unit_test(protection_fault_drops_what_is_cached),
		cmocka_unit_test(spurious_fault_is_flushed),
		cmocka_unit_test(table_let_go_is_no_spurious_fault),
		cmocka_unit_test(faults_below_an_unsynced_upper_table),
		cmocka_unit_test(unsynced_table_that_becomes_an_upper_one),
		cmocka_unit_test(invlpgs_in_vain_sync_all),
		cmocka_unit_test(invlpg_syncs_every_upper_table),
		cmocka_unit_test(every_bit_of_an_unsynced_entry),
		cmocka_unit_test(every_bit_of_an_unsynced_pae_entry),
		cmocka_unit_test(many_unsynced_tables),
		cmocka_unit_test(unknown_write_through_the_table_itself),
		cmocka_unit_test(two_level_tables),
		cmocka_unit_test(upper_half_of_cr3),
		cmocka_unit_test(frame_with_tables_of_two_formats),
		cmocka_unit_test(dirty_bit_of_a_page_that_is_a_table),
		cmocka_unit_test(four_megabyte_pages),
		cmocka_unit_test(pae_tables),
		cmocka_unit_test(paging_off_and_back),
		cmocka_unit_test(five_level_tables),
		cmocka_unit_test(faults_at_five_levels),
		cmocka_unit_test(reserved_bit_8_of_a_pml5e_on_amd),
		cmocka_unit_test(pml5_that_maps_itself),
		cmocka_unit_test(four_levels_and_five),
		cmocka_unit_test(filter_follows_the_traps),
		cmocka_unit_test(filter_waits_for_old_links),
		cmocka_unit_test(pool_is_bounded),
	};

	sim_on_fail = failed;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
