/* SPDX-License-Identifier: MIT */
/*
 * Address spaces that begin and end. A new one's tables are there when its root is loaded; one that ends goes as a
 * whole. What is asserted is counted: exits, tables made, writes that were carried out.
 */
#include "arch/cpu.h"
#include "tests/host/sim.h"
#include "tests/host/sim_mem.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FLAGS (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)

/* The kernel's tables, and the window over all tables at the start of the upper half. */
#define KERNEL MIB(2)
#define WINDOW 0xffff800000000000ULL
/* The other space: a root, a PDPT, a PD, and page tables. Two pages of each are mapped. */
#define SPACE (MIB(2) + 16 * PAGE_SIZE)
#define PDPT  (SPACE + PAGE_SIZE)
#define PD    (SPACE + 2 * PAGE_SIZE)
#define PT(i) (SPACE + (3 + (i)) * PAGE_SIZE)
#define DATA  MIB(8)

static struct sim sim;
static struct rnd rng;

/* Both spaces, the other one with so many page tables; the kernel's is loaded. */
static void start(u32 page_tables, enum mmu_sync sync)
{
	const struct sim_config config = {
		.features = {.maxphyaddr = 40, .nx = true},
		.traps = SIM_TRAPS_ADDRESS,
		.sync = sync,
		.bypass = true,
		.vpid = true,
	};

	rnd_seed(&rng, 1);
	sim_init(&sim, &config, &rng);
	sim.emulate_all = true;
	for (u32 level = 0; level < 2; level++)
		sim_poke(&sim, KERNEL + level * PAGE_SIZE + (level ? 0 : 256 * 8),
			 (KERNEL + (level + 1) * PAGE_SIZE) | (FLAGS & ~PTE_U), 8);
	/* A large page: a frame in it that is a table no longer can be written at once. */
	sim_poke(&sim, KERNEL + 2 * PAGE_SIZE, MIB(2) | PTE_PS | (FLAGS & ~PTE_U), 8);
	sim_poke(&sim, SPACE + 256 * 8, (KERNEL + PAGE_SIZE) | (FLAGS & ~PTE_U), 8);
	sim_poke(&sim, SPACE, PDPT | FLAGS, 8);
	sim_poke(&sim, PDPT, PD | FLAGS, 8);
	for (u32 i = 0; i < page_tables; i++) {
		sim_poke(&sim, PD + i * 8, PT(i) | FLAGS, 8);
		for (u32 k = 0; k < 2; k++)
			sim_poke(&sim, PT(i) + k * 8, (DATA + (2 * i + k) * PAGE_SIZE) | FLAGS, 8);
	}
	assert_int_equal(
		sim_set_regs(&sim, CR0_PG | CR0_PE | CR0_WP, KERNEL, CR4_PAE, EFER_LMA, true), 0);
}

/* The user reads a page of a page table; returns the exits that this took. */
static u64 use(u32 table, u32 page, enum sim_result want)
{
	struct ref_access a = {.gva = table * MIB(2) + page * PAGE_SIZE, .user = true};
	u64 before = sim.stats.exits;
	u32 pfec;

	assert_int_equal(sim_access(&sim, &a, NULL, 8, &pfec), want);
	return sim.stats.exits - before;
}

/* The kernel reads; returns the exits that this took. */
static u64 kernel_reads(u64 gva)
{
	struct ref_access a = {.gva = gva};
	u64 before = sim.stats.exits;
	u32 pfec;

	assert_int_equal(sim_access(&sim, &a, NULL, 8, &pfec), SIM_DONE);
	return sim.stats.exits - before;
}

/* The kernel writes an entry; returns the exits that this took. */
static u64 put(u64 gpa, u64 value)
{
	struct ref_access a = {.gva = WINDOW + gpa - MIB(2), .write = true};
	u64 before = sim.stats.exits;
	u32 pfec;

	assert_int_equal(sim_access(&sim, &a, &value, 8, &pfec), SIM_DONE);
	return sim.stats.exits - before;
}

static u64 clear(u64 gpa)
{
	return put(gpa, 0);
}

/* What a fork has written for its child: nothing of it faults to the hypervisor, present or not. */
static void new_space_has_its_tables(void **state)
{
	(void)state;
	start(3, MMU_SYNC_HYBRID);
	assert_int_equal(sim_set_cr3(&sim, SPACE), 0);
	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(use(i, 0, SIM_DONE), 0);
		assert_int_equal(use(i, 1, SIM_DONE), 0);
		assert_int_equal(use(i, 2, SIM_FAULT), 0);
	}
	sim_finish(&sim);
}

/* Of many tables some are made: one load of CR3 is one exit, and no table makes room for them. */
static void new_space_is_bounded(void **state)
{
	u64 made;

	(void)state;
	start(100, MMU_SYNC_HYBRID);
	made = sim.counters.value[CNT_mmu_shadow_new];
	assert_int_equal(sim_set_cr3(&sim, SPACE), 0);
	made = sim.counters.value[CNT_mmu_shadow_new] - made;
	assert_in_range(made, 10, 17);
	assert_int_equal(use(99, 0, SIM_DONE), 1);
	sim_finish(&sim);
}

/* Whatever its place, and whatever is beside it. */
static void each_entry_of_a_new_table_counts(void **state)
{
	static const u32 at[] = {0, 7, 8, 63, 64, 300, 511};
	const u64 garbage = FLAGS & ~PTE_P;

	(void)state;
	start(0, MMU_SYNC_HYBRID);
	for (u32 i = 0; i < ARRAY_SIZE(at); i++) {
		sim_poke(&sim, PD + at[i] * 8, PT(i) | FLAGS, 8);
		for (u32 k = 0; k < ARRAY_SIZE(at); k++)
			sim_poke(&sim, PT(i) + at[k] * 8, (DATA + k * PAGE_SIZE) | FLAGS, 8);
		sim_poke(&sim, PT(i) + 9 * 8, DATA | garbage, 8);
	}
	sim_poke(&sim, PD + 9 * 8, PT(0) | garbage, 8);
	assert_int_equal(sim_set_cr3(&sim, SPACE), 0);
	for (u32 i = 0; i < ARRAY_SIZE(at); i++) {
		for (u32 k = 0; k < ARRAY_SIZE(at); k++)
			assert_int_equal(use(at[i], at[k], SIM_DONE), 0);
		assert_int_equal(use(at[i], 9, SIM_FAULT), 0);
		assert_int_equal(use(at[i], 100, SIM_FAULT), 0);
	}
	assert_int_equal(use(9, 0, SIM_FAULT), 0);
	assert_int_equal(use(100, 0, SIM_FAULT), 0);
	sim_finish(&sim);
}

/* A space that nobody has taken apart: the first write to its root drops all that it alone leads to, the straight way. */
static void root_that_is_written_is_none(void **state)
{
	u64 zapped;

	(void)state;
	start(2, MMU_SYNC_HYBRID);
	sim.straight_each = true;
	clear(MIB(3));
	for (u32 round = 0; round < 16; round++) {
		assert_int_equal(sim_set_cr3(&sim, SPACE), 0);
		assert_int_equal(sim_set_cr3(&sim, KERNEL), 0);
		zapped = sim.counters.value[CNT_mmu_shadow_zapped];
		assert_int_equal(put(SPACE + 8, 0), 1);
		/* Root, PDPT, PD and two page tables. */
		assert_int_equal(sim.counters.value[CNT_mmu_shadow_zapped] - zapped, 5);
		for (u64 gpa = SPACE; gpa < PT(2); gpa += PAGE_SIZE)
			assert_int_equal(clear(gpa + 16), 0);
	}
	/* Half of those that have a straight way go it. */
	assert_in_range(sim.stats.straight[MMU_STRAIGHT_MENDED], 4, 16);
	sim_finish(&sim);
}

/* The pages of so many page tables, two of each. */
static void unmap(u32 tables)
{
	for (u32 i = 0; i < tables; i++) {
		clear(PT(i));
		clear(PT(i) + 8);
	}
}

/* Unmapped, and taken apart: after the first page table has gone, nothing exits. */
static void space_ends_as_a_whole(void **state)
{
	(void)state;
	start(3, MMU_SYNC_HYBRID);
	assert_int_equal(sim_set_cr3(&sim, SPACE), 0);
	unmap(3);
	assert_int_equal(clear(PD), 1);
	assert_int_equal(clear(PD + 8), 0);
	assert_int_equal(clear(PD + 16), 0);
	assert_int_equal(clear(PDPT), 0);
	assert_int_equal(clear(SPACE), 0);
	assert_int_equal(sim_set_cr3(&sim, KERNEL), 0);
	clear(MIB(3));
	/* The frames are data by now, the root's as well. */
	for (u64 gpa = SPACE; gpa < PT(3); gpa += PAGE_SIZE)
		assert_int_equal(clear(gpa + 0x808), 0);
	sim_finish(&sim);
}

/* One that still maps a page, wherever, goes on. */
static void space_that_maps_something_stays(void **state)
{
	(void)state;
	for (u32 last = 1; last < 3; last++) {
		start(3, MMU_SYNC_HYBRID);
		assert_int_equal(sim_set_cr3(&sim, SPACE), 0);
		for (u32 i = 0; i < 3; i++) {
			clear(PT(i));
			if (i != last)
				clear(PT(i) + 8);
		}
		clear(PD);
		assert_int_equal(use(last, 1, SIM_DONE), 0);
		sim_finish(&sim);
	}
}

/* Whoever runs meanwhile: the root goes as the others do. */
static void space_ends_while_another_runs(void **state)
{
	(void)state;
	start(3, MMU_SYNC_HYBRID);
	assert_int_equal(sim_set_cr3(&sim, SPACE), 0);
	assert_int_equal(sim_set_cr3(&sim, KERNEL), 0);
	unmap(3);
	assert_int_equal(clear(PD), 1);
	clear(MIB(3));
	for (u64 gpa = SPACE; gpa <= PD; gpa += PAGE_SIZE)
		assert_int_equal(clear(gpa + 16), 0);
	sim_finish(&sim);
}

/* One exit looks through so many tables, whatever they map. */
static void what_is_looked_through_is_bounded(void **state)
{
	(void)state;
	start(60, MMU_SYNC_ALWAYS);
	assert_int_equal(sim_set_cr3(&sim, SPACE), 0);
	for (u32 i = 0; i < 60; i++) {
		use(i, 0, SIM_DONE);
		clear(PT(i));
		clear(PT(i) + 8);
	}
	assert_int_equal(clear(PD), 1);
	assert_int_equal(clear(PD + 8), 1);
	sim_finish(&sim);
}

/* The kernel may have a part of the lower half: it is neither made ahead nor dropped. */
static void kernels_tables_are_let_be(void **state)
{
	u64 made;

	(void)state;
	start(3, MMU_SYNC_HYBRID);
	sim_poke(&sim, SPACE + 8, PT(8) | (FLAGS & ~PTE_U), 8);
	sim_poke(&sim, PT(8), PT(9) | (FLAGS & ~PTE_U), 8);
	sim_poke(&sim, PT(9), MIB(2) | PTE_PS | (FLAGS & ~PTE_U), 8);
	made = sim.counters.value[CNT_mmu_shadow_new];
	assert_int_equal(sim_set_cr3(&sim, SPACE), 0);
	/* Its root, PDPT, PD and three page tables. */
	assert_int_equal(sim.counters.value[CNT_mmu_shadow_new] - made, 6);
	assert_int_equal(kernel_reads(1ULL << 39), 1);
	unmap(3);
	assert_int_equal(clear(PD), 1);
	assert_int_equal(clear(PD + 8), 0);
	assert_int_equal(kernel_reads((1ULL << 39) + PAGE_SIZE), 0);
	sim_finish(&sim);
}

/* Nothing goes out of sync with sync=always; the tables go all the same. */
static void space_ends_in_sync(void **state)
{
	(void)state;
	start(2, MMU_SYNC_ALWAYS);
	assert_int_equal(sim_set_cr3(&sim, SPACE), 0);
	for (u32 i = 0; i < 2; i++) {
		clear(PT(i));
		clear(PT(i) + 8);
	}
	clear(PD);
	assert_int_equal(clear(PD + 8), 0);
	assert_int_equal(clear(PDPT), 0);
	assert_int_equal(clear(SPACE), 1);
	assert_int_equal(sim.counters.value[CNT_mmu_unsync], 0);
	sim_finish(&sim);
}

/* Fill half a page table in a row; returns the writes that exit. */
static u64 fill(u64 table)
{
	u64 exits = 0;

	for (u32 i = 16; i < 256; i++)
		exits += put(table + i * 8, (DATA + i * PAGE_SIZE) | FLAGS);
	return exits;
}

/* A table that is new is taken to be flooded as the last one was. */
static void new_table_floods_as_the_last(void **state)
{
	(void)state;
	start(1, MMU_SYNC_HYBRID);
	assert_int_equal(sim_set_cr3(&sim, SPACE), 0);
	clear(MIB(3));
	assert_int_equal(fill(PT(0)), 4);
	assert_int_equal(sim_set_cr3(&sim, SPACE), 0);
	sim_store(&sim, PT(1), &(u64){DATA | FLAGS}, 8);
	put(PD + 8, PT(1) | FLAGS);
	assert_int_equal(use(1, 0, SIM_DONE), 1);
	assert_int_equal(fill(PT(1)), 2);
	sim_finish(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_space_has_its_tables),
		cmocka_unit_test(new_space_is_bounded),
		cmocka_unit_test(each_entry_of_a_new_table_counts),
		cmocka_unit_test(root_that_is_written_is_none),
		cmocka_unit_test(space_ends_as_a_whole),
		cmocka_unit_test(space_that_maps_something_stays),
		cmocka_unit_test(space_ends_while_another_runs),
		cmocka_unit_test(what_is_looked_through_is_bounded),
		cmocka_unit_test(kernels_tables_are_let_be),
		cmocka_unit_test(space_ends_in_sync),
		cmocka_unit_test(new_table_floods_as_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
