/* SPDX-License-Identifier: MIT */
/*
 * Directed tests of the shadow MMU. Writes to tables: wherever they come from, and what lies where no table may
 * be written.
 */
#include "tests/host/mmu_guest.h"

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

static void write_across_two_entries(void **state)
{
	struct ref_access a = {.write = true, .ac = true};
	u64 at, data[2] = {(PAGE_A | USER_RW) << 32, (PAGE_A | USER_RW) >> 32};
	u32 pfec;

	(void)state;
	at = one_page(&plain, PAGE_B | USER_RW);
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
		/* The mapping goes, turns to another page, cannot be used, or becomes read-only. */
		u64 then[] = {0, MIB(5) | USER_RW, page | (USER_RW & ~PTE_A), page | USER_RO};

		put(at + 8 * i, page | USER_RW);
		assert_int_equal(try(gva, WRITE | USER, &entry), 0);
		put(at + 8 * i, then[i % 4]);
		put(up + 8 * i, page | UPPER);
		faults(below + PAGE_SIZE, READ | USER, 4);
		entry = PAGE_B | USER_RW;
		/* By the old mapping, if the CPU still has it: then the table has one entry more. */
		(void)try(gva + 8, WRITE | USER, &entry);
		if (sim_read(page + 8, 8))
			works(below + PAGE_SIZE, READ | USER);
	}
}

/* A page table, empty, and a small page that maps it for the user and has written it before it was one. */
struct aliased {
	u64 up;    /* where the link to the table is */
	u64 page;  /* the table */
	u64 alias; /* where it is mapped, */
	u64 leaf;  /* ... by this entry */
};

static struct aliased aliased(void)
{
	struct aliased a = {.alias = GVA + MIB(2)};

	machine(&plain);
	root = new_root();
	a.page = ALIGN_DOWN(pte(GVA), PAGE_SIZE);
	a.up = pde(GVA);
	a.leaf = pte(a.alias);
	sim_poke(&sim, a.leaf, a.page | USER_RW, 8);
	/* The space does not end with the table. */
	sim_poke(&sim, a.leaf + 8, PAGE_B | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	works(a.alias + 2048, WRITE | USER);
	return a;
}

/*
 * A page that was a table is written like any other, by the mapping that wrote it before: no exit. Not if the guest
 * has taken the right from that mapping, or the mapping itself, meanwhile.
 */
static void table_that_is_a_page_again(void **state)
{
	(void)state;
	for (u32 meanwhile = 0; meanwhile < 4; meanwhile++) {
		struct aliased a = aliased();

		faults(GVA, READ | USER, 4);
		if (meanwhile == 1)
			put(a.leaf, a.page | USER_RO);
		else if (meanwhile == 2)
			put(a.leaf, 0);
		else if (meanwhile == 3)
			put(a.leaf, PAGE_A | USER_RW);
		put(a.up, 0);
		sim_set_cr3(&sim, root);
		(void)exits();
		if (meanwhile == 1)
			faults(a.alias + 2048, WRITE | USER, 7);
		else if (meanwhile == 2)
			faults(a.alias + 2048, WRITE | USER, 6);
		else
			works(a.alias + 2048, WRITE | USER);
		assert_int_equal(exits(), meanwhile == 1 ? 1 : 0);
		sim_check(&sim);
	}
}

/*
 * The mapping is of another table by now, which is no page again: read-only for that one's sake, it looks as if it
 * had lost W by the first.
 */
static void table_that_is_a_page_again_is_not_another(void **state)
{
	struct aliased a;
	u64 value = 0;

	(void)state;
	a = aliased();
	faults(GVA, READ | USER, 4);
	put(a.leaf, ALIGN_DOWN(a.up, PAGE_SIZE) | USER_RW);
	sim_invlpg(&sim, a.alias);
	works(a.alias, READ | USER);
	put(a.up, 0);
	sim_set_cr3(&sim, root);
	sim_check(&sim);
	(void)exits();
	assert_int_equal(try(a.alias + 2048, WRITE | USER, &value), 0);
	assert_int_equal(exits(), 1);
	sim_check(&sim);
}

/*
 * Table and page by turns: each time the CPU may hold the mapping as it was while it was a page, whether that is
 * still there when the page becomes a table (0), is gone (1), or is of another page, or read-only (2, 3).
 */
static void table_and_page_by_turns(void **state)
{
	struct aliased a;
	u64 value;

	(void)state;
	a = aliased();
	for (u32 turn = 0; turn < 12; turn++) {
		u64 then[] = {a.page | USER_RW, 0, MIB(5) | USER_RW, a.page | USER_RO};

		put(a.up, a.page | UPPER);
		faults(GVA + 8 * PAGE_SIZE, READ | USER, 4);
		sim_check(&sim);
		put(a.up, 0);
		sim_set_cr3(&sim, root);
		(void)exits();
		works(a.alias + 2048, WRITE | USER);
		assert_int_equal(exits(), 0);
		put(a.leaf, then[turn % 4]);
		put(a.up, a.page | UPPER);
		faults(GVA + 9 * PAGE_SIZE, READ | USER, 4);
		sim_check(&sim);
		/* By what the CPU may still have. */
		value = PAGE_A | USER_RW;
		(void)try(a.alias + 8 * 10, WRITE | USER, &value);
		if (sim_read(a.page + 8 * 10, 8))
			works(GVA + 10 * PAGE_SIZE, READ | USER);
		put(a.page + 8 * 10, 0);
		put(a.up, 0);
		put(a.leaf, a.page | USER_RW);
		sim_set_cr3(&sim, root);
		works(a.alias + 2048, WRITE | USER);
		sim_check(&sim);
	}
}

/* So it is where the table goes out of sync: by a page of its own as by a part of a large one. */
static void flood_through_an_alias(void **state)
{
	struct sim_config c = plain;
	u64 at, alias = GVA + MIB(2), value = PAGE_A | USER_RO;

	(void)state;
	c.sync = MMU_SYNC_HYBRID;
	machine(&c);
	sim.emulate_all = true;
	root = new_root();
	at = pte(GVA);
	sim_poke(&sim, pte(alias), ALIGN_DOWN(at, PAGE_SIZE) | USER_RW, 8);
	run_4level(CR0_WP, 0, 0);
	works(alias + 4088, WRITE | USER);
	faults(GVA, READ | USER, 4);
	(void)exits();
	for (u64 i = 0; i < 64; i++)
		assert_int_equal(try(alias + (at & (PAGE_SIZE - 1)) + 8 * i, WRITE | USER, &value),
				 0);
	assert_int_equal(exits(), 4);
	works(GVA + 8 * PAGE_SIZE, READ | USER);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_that_maps_itself),
		cmocka_unit_test(write_across_two_entries),
		cmocka_unit_test(table_written_through_aliases),
		cmocka_unit_test(forbidden_writes_to_a_table),
		cmocka_unit_test(hidden_memory_stays_hidden),
		cmocka_unit_test(registers_apart),
		cmocka_unit_test(pages_past_all_ram),
		cmocka_unit_test(page_that_becomes_a_table),
		cmocka_unit_test(table_that_is_a_page_again),
		cmocka_unit_test(table_that_is_a_page_again_is_not_another),
		cmocka_unit_test(table_and_page_by_turns),
		cmocka_unit_test(flood_through_an_alias),
		cmocka_unit_test(unknown_write_through_the_table_itself),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
