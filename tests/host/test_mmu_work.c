/* SPDX-License-Identifier: MIT */
/* Directed tests of the shadow MMU. Invariant 12: what one exit may take, whatever the guest's tables look like. */
#include "mm/phys/phys.h"
#include "mm/shadow/settle.h"
#include "tests/host/mmu_guest.h"

#define FRAMES 64 /* that may be out of sync at once */
#define EACH   4  /* page tables that map one of them alone */
#define MAPS   GIB(2)
#define BOUND  2000000
/* Instructions for a leaf that loses W. */
#define TAKEN 70

static u64 frame[FRAMES];

static struct sim_config roomy(void)
{
	struct sim_config c = plain;

	c.sync = MMU_SYNC_HYBRID;
	c.pool_size = MIB(6);
	return c;
}

/* Page tables full of writable leaves of the first n frames, EACH for one of them. */
static void map_often(u32 n)
{
	for (u32 i = 0; i < n * EACH; i++) {
		u64 at = pte(MAPS + i * MIB(2));

		for (u32 k = 0; k < 512; k++)
			sim_poke(&sim, at + 8 * k, frame[i / EACH] | USER_RW, 8);
	}
}

static void use_maps(u32 n)
{
	for (u32 i = 0; i < n * EACH; i++)
		works(MAPS + i * MIB(2), READ | USER);
}

static u64 leaves(u32 n)
{
	u64 sum = 0;

	for (u32 i = 0; i < n; i++) {
		const struct frame *f = &sim.mmu->frames[frame[i] >> PAGE_SHIFT];

		if (!frame_is_tracked(f))
			sum += list_length(sim.mmu, f->rmap);
	}
	return sum;
}

/* A load of CR3, and what it takes from the lists. */
static void load(u32 n, u64 cr3)
{
	u64 before = leaves(n);

	assert_true(before > n * 1000);
	assert_int_equal(sim_set_cr3(&sim, cr3), 0);
	assert_true((before - leaves(n)) * TAKEN <= BOUND);
}

/* Each table out of sync has as many writable leaves as it may have, and all come back at a load of CR3. */
static void tables_with_many_leaves_come_back(void **state)
{
	const u64 tables = GIB(1);
	struct sim_config c = roomy();

	(void)state;
	machine(&c);
	sim.audit_each = false;
	root = new_root();
	for (u32 i = 0; i < FRAMES; i++) {
		frame[i] = pte(tables + i * MIB(2)) & PTE_ADDR;
		sim_poke(&sim, frame[i], PAGE_A | USER_RW, 8);
	}
	map_often(FRAMES);
	run_4level(CR0_WP, 0, 0);
	for (u32 i = 0; i < FRAMES; i++)
		works(tables + i * MIB(2), READ | USER);
	for (u32 i = 0; i < FRAMES; i++)
		mmu_let_unsync(&sim.v, frame[i]);
	use_maps(FRAMES);
	load(FRAMES, root);
}

/* The tables of a new address space, which are made ahead, were pages with as many. */
static void pages_with_many_leaves_become_tables(void **state)
{
	struct sim_config c = roomy();
	u64 next;

	(void)state;
	machine(&c);
	sim.audit_each = false;
	root = new_root();
	next = table();
	for (u32 i = 0; i < 16; i++)
		frame[i] = entry_at(next, 4, MAPS + i * MIB(2), 1) & PTE_ADDR;
	map_often(16);
	run_4level(CR0_WP, 0, 0);
	use_maps(16);
	load(16, next);
}

/* An entry of a table that a device answers for: another frame at each look. */
static u64 *device_entry;
static u32 looks;

static void look_at_device(void *ctx)
{
	(void)ctx;
	assert_true(++looks < 10000);
	*device_entry ^= PAGE_A ^ PAGE_B;
}

/* Its A can never be set. */
static void a_table_that_never_reads_the_same(void **state)
{
	u32 answer = PFEC_P | PFEC_RSVD | PFEC_U;
	struct mmu_fault fault = {.gva = GVA, .pfec = PFEC_U};
	u64 gpa;

	(void)state;
	device_entry = phys_ptr(one_page(&plain, PAGE_A | PTE_P | PTE_W | PTE_U));
	looks = 0;
	sim_mem_looked = look_at_device;
	assert_int_equal(mmu_fault(&sim.v, &fault), MMU_GUEST_FAULT);
	assert_int_equal(fault.guest_pfec, answer);
	assert_int_equal(mmu_translate(&sim.v, &fault, &gpa), -1);
	assert_int_equal(fault.guest_pfec, answer);
	sim_mem_looked = NULL;
	works(GVA, READ | USER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tables_with_many_leaves_come_back, judged),
		cmocka_unit_test_setup(pages_with_many_leaves_become_tables, judged),
		cmocka_unit_test_setup(a_table_that_never_reads_the_same, judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
