/* SPDX-License-Identifier: MIT */
/* Directed tests of the shadow MMU. Pages that lose W alone, as by mprotect() or fork(), and have it again. */
#include "tests/host/mmu_guest.h"

#define PAGES 8

static u64 gva_of(u32 i)
{
	return GVA + i * PAGE_SIZE;
}

/* A machine with a line of pages, all written. */
static void start(const struct sim_config *c)
{
	(void)one_page(c, PAGE_A | USER_RW);
	for (u32 i = 0; i < PAGES; i++) {
		put(pte(gva_of(i)), (PAGE_A + i * PAGE_SIZE) | USER_RW);
		sim_invlpg(&sim, gva_of(i));
		works(gva_of(i), WRITE | USER);
	}
}

/* Their table goes out of sync, W changes in all, and a flush brings it back. */
static void turn(u64 flags)
{
	mmu_let_unsync(&sim.v, pte(GVA));
	for (u32 i = 0; i < PAGES; i++)
		put(pte(gva_of(i)), (PAGE_A + i * PAGE_SIZE) | flags);
	sim_set_cr3(&sim, sim.regs.cr3);
}

#define PROTECTED (USER_RW & ~PTE_W)

/* Nobody asks for any of it by a fault: what is not allowed is the guest's own, what is takes no exit. */
static void a_line_loses_w_and_has_it_again(void **state)
{
	(void)state;
	start(&plain);
	for (u32 n = 0; n < 3; n++) {
		turn(PROTECTED);
		for (u32 i = 0; i < PAGES; i++) {
			works(gva_of(i), READ | USER);
			faults(gva_of(i), WRITE | USER, 7);
		}
		turn(USER_RW);
		(void)exits();
		for (u32 i = 0; i < PAGES; i++)
			works(gva_of(i), WRITE | USER);
		assert_int_equal(exits(), 0);
		sim_check(&sim);
	}
}

/* All ways to use a page, whatever comes of it: the judge knows what should. */
static void use(u64 gva)
{
	(void)try(gva, READ | USER, NULL);
	(void)try(gva, READ, NULL);
	(void)try(gva, WRITE | USER, NULL);
	(void)try(gva, WRITE, NULL);
}

/* One entry of the line changes in a bit more, the first or the last: each bit. */
static void one_of_a_line_changes_in_more(void **state)
{
	(void)state;
	for (u32 bit = 0; bit < 64; bit++) {
		for (u32 at = 0; at < PAGES; at += PAGES - 1) {
			start(&plain);
			mmu_let_unsync(&sim.v, pte(GVA));
			for (u32 i = 0; i < PAGES; i++)
				put(pte(gva_of(i)), ((PAGE_A + i * PAGE_SIZE) | PROTECTED) ^
							    (i == at ? BIT(bit) : 0));
			sim_set_cr3(&sim, sim.regs.cr3);
			sim_check(&sim);
			for (u32 i = 0; i < PAGES; i++)
				use(gva_of(i));
			sim_check(&sim);
		}
	}
}

/* The same in the tables of PAE, where more bits are reserved: the table maps itself, as its first page. */
static void one_of_a_pae_line_changes_in_more(void **state)
{
	u64 pd, pt, entry;

	(void)state;
	for (u32 bit = 0; bit < 64; bit++) {
		machine(&plain);
		root = table();
		pd = table();
		pt = table();
		sim_poke(&sim, root, pd | PTE_P, 8);
		sim_poke(&sim, pd, pt | UPPER, 8);
		sim_poke(&sim, pt, pt | PTE_P | PTE_W | PTE_A | PTE_D, 8);
		for (u32 i = 0; i < PAGES; i++)
			sim_poke(&sim, pt + (PAGES + i) * 8, (PAGE_A + i * PAGE_SIZE) | USER_RW, 8);
		sim_set_regs(&sim, CR0_PG | CR0_PE | CR0_WP, root, CR4_PAE, bit & 1 ? EFER_NXE : 0,
			     true);
		for (u32 i = 0; i < PAGES; i++)
			works((PAGES + i) * PAGE_SIZE, WRITE | USER);
		works(0, READ);
		mmu_let_unsync(&sim.v, pt);
		for (u32 i = 0; i < PAGES; i++) {
			entry = ((PAGE_A + i * PAGE_SIZE) | PROTECTED) ^ (i == 3 ? BIT(bit) : 0);
			assert_int_equal(try((PAGES + i) * 8, WRITE, &entry), 0);
		}
		sim_set_cr3(&sim, root);
		sim_check(&sim);
		for (u32 i = 0; i < PAGES; i++)
			use((PAGES + i) * PAGE_SIZE);
		sim_check(&sim);
	}
}

/* While it cannot be written, a page becomes a table: then the grant of W does not make it writable. */
static void a_page_becomes_a_table_meanwhile(void **state)
{
	u64 writes, page = PAGE_A + 3 * PAGE_SIZE;

	(void)state;
	for (u32 owed = 0; owed < 2; owed++) {
		start(&plain);
		turn(PROTECTED);
		/* The guest may owe the flush still: a TLB has the page as writable. */
		if (owed) {
			turn(USER_RW);
			works(gva_of(3), WRITE | USER);
			put(pte(gva_of(3)), page | PROTECTED);
		}
		put(page, 0);
		put(pde(GVA + MIB(2)), page | UPPER);
		faults(GVA + MIB(2), READ | USER, 4);
		turn(USER_RW);
		writes = sim.counters.value[CNT_mmu_pte_write];
		works(gva_of(3), WRITE | USER);
		assert_int_equal(sim.counters.value[CNT_mmu_pte_write], writes + 1);
		sim_check(&sim);
		/* And when it is none any more, it is a page like the others. */
		put(pde(GVA + MIB(2)), 0);
		sim_set_cr3(&sim, sim.regs.cr3);
		works(gva_of(3), WRITE | USER);
		(void)exits();
		works(gva_of(3), WRITE | USER);
		assert_int_equal(exits(), 0);
	}
}

/* The leaf goes while its page is read-only: no list names it, and the page may be a table. */
static void a_protected_page_is_unmapped(void **state)
{
	u64 page = PAGE_A + 5 * PAGE_SIZE;

	(void)state;
	start(&plain);
	turn(PROTECTED);
	put(pte(gva_of(5)), 0);
	sim_invlpg(&sim, gva_of(5));
	sim_check(&sim);
	put(pte(gva_of(5)), page | PROTECTED);
	works(gva_of(5), READ | USER);
	put(pte(gva_of(5)), PAGE_B | USER_RW);
	sim_invlpg(&sim, gva_of(5));
	works(gva_of(5), WRITE | USER);
	sim_check(&sim);
}

/* The page that was at gva_of(i) is a table now. A TLB that has it as writable has it so no more: the harness judges. */
static void becomes_a_table(u32 i)
{
	u64 value = PAGE_B | USER_RW;

	put(pde(GVA + MIB(2)), (PAGE_A + i * PAGE_SIZE) | UPPER);
	(void)try(GVA + MIB(2), READ | USER, NULL);
	(void)try(gva_of(i), WRITE | USER, &value);
	sim_check(&sim);
	(void)try(GVA + MIB(2), READ | USER, NULL);
	sim_check(&sim);
}

/* The table comes back in sync by a fault of the guest's own, which flushes nothing. */
static void change_unflushed(u64 flags, u32 but)
{
	mmu_let_unsync(&sim.v, pte(GVA));
	for (u32 i = 0; i < PAGES; i++) {
		if (i != but)
			put(pte(gva_of(i)), flags ? (PAGE_A + i * PAGE_SIZE) | flags : 0);
	}
	faults(gva_of(2 * PAGES), READ | USER, 4);
}

/* W goes, and then the leaves, the whole line's or all but one; nothing is ever flushed. */
static void a_line_goes_unflushed(void **state)
{
	(void)state;
	for (u32 but = 0; but <= PAGES; but += PAGES) {
		start(&plain);
		put(PAGE_A + 3 * PAGE_SIZE, 0);
		change_unflushed(PROTECTED, PAGES);
		change_unflushed(0, but);
		becomes_a_table(3);
	}
}

/* The same of a table that goes as a whole. */
static void a_table_goes_unflushed(void **state)
{
	struct sim_config c = plain;
	u64 zapped;

	(void)state;
	c.sync = MMU_SYNC_HYBRID;
	start(&c);
	put(pte(gva_of(6)), (PAGE_A + 6 * PAGE_SIZE) | PROTECTED);
	zapped = sim.counters.value[CNT_mmu_shadow_zapped];
	for (u32 i = 0; i < 6; i++)
		put(pte(gva_of(i)), 0);
	assert_int_equal(sim.counters.value[CNT_mmu_shadow_zapped], zapped + 1);
	becomes_a_table(6);
}

/*
 * And of one leaf, whose page nothing else maps: else its becoming a table would flush anyway. The table maps itself as
 * its first page, a page of data as its second, and the page directory as its third.
 */
static void a_leaf_goes_unflushed(void **state)
{
	u64 pd, pt, page = PAGE_A + 3 * PAGE_SIZE, entry;

	(void)state;
	for (u32 protect = 0; protect < 2; protect++) {
		machine(&plain);
		root = table();
		pt = pte(GVA);
		pd = pde(GVA);
		sim_poke(&sim, pt, pt | PTE_P | PTE_W | PTE_A | PTE_D, 8);
		sim_poke(&sim, pt + 8, page | USER_RW, 8);
		sim_poke(&sim, pt + 16, ALIGN_DOWN(pd, PAGE_SIZE) | PTE_P | PTE_W | PTE_A | PTE_D,
			 8);
		run_4level(CR0_WP, 0, 0);
		entry = 0;
		assert_int_equal(try(gva_of(1), WRITE | USER, &entry), 0);
		entry = page | PROTECTED;
		if (protect)
			assert_int_equal(try(GVA + 8, WRITE, &entry), 0);
		entry = 0;
		assert_int_equal(try(GVA + 8, WRITE, &entry), 0);
		entry = page | UPPER;
		assert_int_equal(try(gva_of(2) + pd % PAGE_SIZE + 8, WRITE, &entry), 0);
		(void)try(GVA + MIB(2), READ | USER, NULL);
		entry = PAGE_B | USER_RW;
		(void)try(gva_of(1), WRITE | USER, &entry);
		sim_check(&sim);
		(void)try(GVA + MIB(2), READ | USER, NULL);
		sim_check(&sim);
	}
}

/* The same of a 32-bit guest's. */
static void a_32_bit_leaf_goes_unflushed(void **state)
{
	u64 pd, pt, entry, page = PAGE_A + 3 * PAGE_SIZE;

	(void)state;
	machine(&plain);
	pd = root = table();
	pt = table();
	sim_poke(&sim, pd, pt | UPPER, 4);
	sim_poke(&sim, pt, pt | PTE_P | PTE_W | PTE_A | PTE_D, 4);
	sim_poke(&sim, pt + 4, page | USER_RW, 4);
	sim_poke(&sim, pt + 8, pd | PTE_P | PTE_W | PTE_A | PTE_D, 4);
	sim_set_regs(&sim, CR0_PG | CR0_PE | CR0_WP, root, 0, 0, true);
	entry = 0;
	assert_int_equal(try(PAGE_SIZE, WRITE | USER, &entry), 0);
	/* Both halves: the third entry stays. */
	entry = (page | PROTECTED) | (pd | PTE_P | PTE_W | PTE_A | PTE_D) << 32;
	assert_int_equal(try(4, WRITE, &entry), 0);
	entry = 0 | (pd | PTE_P | PTE_W | PTE_A | PTE_D) << 32;
	assert_int_equal(try(4, WRITE, &entry), 0);
	entry = page | UPPER;
	assert_int_equal(try(2 * PAGE_SIZE + 8, WRITE, &entry), 0);
	(void)try(MIB(8), READ | USER, NULL);
	entry = PAGE_B | USER_RW;
	(void)try(PAGE_SIZE, WRITE | USER, &entry);
	sim_check(&sim);
	(void)try(MIB(8), READ | USER, NULL);
	sim_check(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_loses_w_and_has_it_again),
		cmocka_unit_test(one_of_a_line_changes_in_more),
		cmocka_unit_test(one_of_a_pae_line_changes_in_more),
		cmocka_unit_test(a_page_becomes_a_table_meanwhile),
		cmocka_unit_test(a_protected_page_is_unmapped),
		cmocka_unit_test(a_line_goes_unflushed),
		cmocka_unit_test(a_table_goes_unflushed),
		cmocka_unit_test(a_leaf_goes_unflushed),
		cmocka_unit_test(a_32_bit_leaf_goes_unflushed),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
