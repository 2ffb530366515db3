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

/*
 * A TLB has a page as writable that is read-only since, and then the whole table goes, without a flush: when the page
 * becomes a table, the TLB may have it so no more.
 */
static void a_table_goes_unflushed(void **state)
{
	struct sim_config c = plain;
	u64 page = PAGE_A + 6 * PAGE_SIZE, zapped, value = PAGE_B | USER_RW;

	(void)state;
	c.sync = MMU_SYNC_HYBRID;
	start(&c);
	put(pte(gva_of(6)), page | PROTECTED);
	zapped = sim.counters.value[CNT_mmu_shadow_zapped];
	for (u32 i = 0; i < PAGES - 2; i++)
		put(pte(gva_of(i)), 0);
	assert_int_equal(sim.counters.value[CNT_mmu_shadow_zapped], zapped + 1);
	put(pde(GVA + MIB(2)), page | UPPER);
	(void)try(GVA + MIB(2), READ | USER, NULL);
	(void)try(gva_of(6), WRITE | USER, &value);
	sim_check(&sim);
	(void)try(GVA + MIB(2), READ | USER, NULL);
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
		cmocka_unit_test(a_table_goes_unflushed),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
