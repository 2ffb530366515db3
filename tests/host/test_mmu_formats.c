/* SPDX-License-Identifier: MIT */
/* Directed tests of the shadow MMU. Formats: 32-bit, PAE, and one frame with tables of two of them. */
#include "tests/host/mmu_guest.h"

static void run_32(u64 cr0, u64 cr4)
{
	sim_set_regs(&sim, CR0_PG | CR0_PE | cr0, root, cr4, 0, true);
}

static void two_level_tables(void **state)
{
	struct sim_config c = plain;
	u64 pt;

	(void)state;
	c.user_filter = MMU_USER_NEVER;
	machine(&c);
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

/* Entries of four bytes: no A is set ahead, and none where an entry of eight would have it. */
static void pages_in_sequence(void **state)
{
	u64 pt;

	(void)state;
	machine(&plain);
	root = table();
	pt = table();
	sim_poke(&sim, root, pt | UPPER, 4);
	for (u32 i = 0; i < 64; i++)
		sim_poke(&sim, pt + 4 * i, PAGE_A | PTE_P | PTE_W | PTE_U, 4);
	run_32(CR0_WP, 0);
	for (u32 i = 0; i < 16; i++) {
		(void)exits();
		works(i * PAGE_SIZE, READ | USER);
		assert_int_equal(exits(), 1);
	}
	for (u32 i = 0; i < 64; i++)
		assert_int_equal(sim_read(pt + 4 * i, 4),
				 PAGE_A | PTE_P | PTE_W | PTE_U | (i < 16 ? PTE_A : 0));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_level_tables),
		cmocka_unit_test(pages_in_sequence),
		cmocka_unit_test(upper_half_of_cr3),
		cmocka_unit_test(frame_with_tables_of_two_formats),
		cmocka_unit_test(dirty_bit_of_a_page_that_is_a_table),
		cmocka_unit_test(four_megabyte_pages),
		cmocka_unit_test(pae_tables),
		cmocka_unit_test(paging_off_and_back),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
