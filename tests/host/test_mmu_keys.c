/* SPDX-License-Identifier: MIT */
/*
 * Directed tests of the shadow MMU. Protection keys on large pages, above all on those that are split, with
 * CR0.WP=0: a key is for a user's pages (SDM vol. 3A 4.6.2), and each part of such a page keeps it, whatever was
 * written.
 */
#include "tests/host/mmu_guest.h"

#define KEY       3
#define KEY_BITS  ((u64)KEY << PTE_PK_SHIFT)
#define NO_ACCESS (1U << 2 * KEY)
#define NO_WRITE  (2U << 2 * KEY)
/* Its second half has tables in it, so it is no large page in the shadow. */
#define SPLIT MIB(2)
#define PARTS 4

static u32 with_key(u64 gva, u32 kind, u32 pkru)
{
	struct ref_access a = {.gva = gva,
			       .write = kind & WRITE,
			       .user = kind & USER,
			       .ac = kind & AC,
			       .pkru = pkru};
	u64 data = 1;
	u32 pfec;

	if (sim_access(&sim, &a, &data, 8, &pfec) == SIM_DONE)
		return 0;
	return 0x100 | pfec;
}

#define key_lets(gva, kind, pkru) assert_int_equal(with_key(gva, kind, pkru), 0)
#define key_faults(gva, kind, pkru, error) \
	assert_int_equal(with_key(gva, kind, pkru), 0x100 | (error))

/* A guest whose page at GVA has a key and is split. */
static void split_machine(const struct sim_config *c, u64 flags, bool by_software)
{
	machine(c);
	sim.emulate_all = by_software;
	root = new_root();
	sim_poke(&sim, pde(GVA), SPLIT | PTE_PS | flags | KEY_BITS, 8);
}

/* Pages of it without tables. */
static u64 part(u32 i)
{
	static const u32 pages[PARTS] = {256, 257, 384, 511};

	return GVA + pages[i] * PAGE_SIZE;
}

static void of_a_user(void **state)
{
	(void)state;
	for (u32 wp = 0; wp < 2; wp++) {
		split_machine(&plain, USER_RW, true);
		run_4level(wp ? CR0_WP : 0, CR4_PKE, 0);
		for (u32 round = 0; round < 3; round++) {
			for (u32 i = 0; i < PARTS; i++) {
				key_faults(part(i), READ | USER, NO_ACCESS, 0x25);
				key_lets(part(i), READ | USER, NO_WRITE);
				key_faults(part(i), WRITE | USER, NO_WRITE, 0x27);
				key_lets(part(i), WRITE | USER, 0);
				key_faults(part(i), READ, NO_ACCESS, 0x21);
				key_faults(part(i), WRITE, NO_ACCESS, 0x23);
				if (wp)
					key_faults(part(i), WRITE, NO_WRITE, 0x23);
				else
					key_lets(part(i), WRITE, NO_WRITE);
			}
		}
		assert_true(sim.counters.value[CNT_mmu_split]);
	}
}

/* One leaf in the shadow as well. */
static void of_a_page_that_stays_large(void **state)
{
	(void)state;
	machine(&plain);
	root = new_root();
	sim_poke(&sim, pde(GVA), MIB(26) | PTE_PS | USER_RW | KEY_BITS, 8);
	sim_poke(&sim, entry_at(root, 4, DIRECT + MIB(26), 2), 0, 8);
	run_4level(CR0_WP, CR4_PKE, 0);
	for (u32 i = 0; i < PARTS; i++) {
		key_lets(part(i), READ | USER, 0);
		key_faults(part(i), READ | USER, NO_ACCESS, 0x25);
		key_faults(part(i), WRITE | USER, NO_WRITE, 0x27);
		key_lets(part(i), WRITE | USER, 0);
	}
	assert_int_equal(sim.counters.value[CNT_mmu_split], 0);
}

/* Read-only: with CR0.WP=0 a supervisor writes to it, and the user's rights and key stay. */
static void of_a_user_read_only(void **state)
{
	(void)state;
	for (u32 smap = 0; smap < 2; smap++) {
		for (u32 by_software = 0; by_software < 2; by_software++) {
			u32 ac = smap ? AC : 0;

			split_machine(&plain, USER_RO | PTE_D, by_software);
			run_4level(0, CR4_PKE | (smap ? CR4_SMAP : 0), 0);
			for (u32 i = 0; i < 3 * PARTS; i++) {
				u64 gva = part(i % PARTS);

				key_lets(gva, WRITE | ac, i & 1 ? NO_WRITE : 0);
				if (!by_software)
					run_4level(0, CR4_PKE | (smap ? CR4_SMAP : 0), 0);
				key_faults(gva, READ | ac, NO_ACCESS, 0x21);
				key_faults(gva, WRITE | ac, NO_ACCESS, 0x23);
				key_faults(gva, READ | USER, NO_ACCESS, 0x25);
				key_lets(gva, READ | USER, NO_WRITE);
				faults(gva, WRITE | USER, 7);
				if (smap)
					faults(gva, READ, 1);
			}
			assert_int_equal(!sim.stats.lent, by_software);
		}
	}
}

/*
 * A supervisor's page has none; that it is one is said by its shadow's link alone, whose leaves grant U. A CPU
 * may well look at the leaf's U for this: Bochs 3 does.
 */
static void of_a_supervisor(void **state)
{
	static const u64 flags[] = {PTE_P | PTE_A | PTE_D, PTE_P | PTE_W | PTE_A | PTE_D};
	struct sim_config c = plain;

	(void)state;
	for (u32 i = 0; i < 16; i++) {
		bool writable = i & 1, wp = i & 8;

		c.supervisor_keys = i & 4;
		split_machine(&c, flags[writable], i & 2);
		run_4level(wp ? CR0_WP : 0, CR4_PKE, 0);
		for (u32 n = 0; n < 2 * PARTS; n++) {
			u64 gva = part(n % PARTS);

			key_lets(gva, READ, NO_ACCESS);
			key_faults(gva, READ | USER, 0, 5);
			if (writable || !wp) {
				key_lets(gva, WRITE, NO_WRITE);
				key_lets(gva, WRITE, NO_ACCESS);
			} else {
				key_faults(gva, WRITE, 0, 3);
			}
		}
	}
}

/* A page that is lent is shown as the supervisor's, and all its parts have no key as long. */
static void of_what_is_lent(void **state)
{
	struct sim_config c = plain;

	(void)state;
	c.supervisor_keys = true;
	split_machine(&c, USER_RO | PTE_D, false);
	run_4level(0, CR4_PKE, 0);
	for (u32 n = 0; n < 8 * PARTS || !sim.stats.lent; n++)
		key_lets(part(n % PARTS), WRITE, NO_WRITE);
	run_4level(0, CR4_PKE, 0);
	key_faults(part(0), READ | USER, NO_ACCESS, 0x25);
}

/* Its table is out of sync, so that the hardware still has the key: the supervisor's write is nothing special. */
static void of_a_page_that_is_no_users_any_more(void **state)
{
	(void)state;
	(void)one_page(&plain, PAGE_A | USER_RW | KEY_BITS);
	run_4level(0, CR4_PKE | CR4_SMEP | CR4_SMAP, 0);
	key_lets(GVA, WRITE | AC, 0);
	mmu_let_unsync(&sim.v, pte(GVA));
	put(pte(GVA), PAGE_A | (USER_RW & ~PTE_U) | KEY_BITS);
	key_lets(GVA, WRITE, NO_ACCESS);
	assert_int_equal(sim.stats.wp0_writes, 0);
	sim_check(&sim);
	works(GVA, FETCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_a_user),
		cmocka_unit_test(of_a_page_that_stays_large),
		cmocka_unit_test(of_a_user_read_only),
		cmocka_unit_test(of_a_supervisor),
		cmocka_unit_test(of_what_is_lent),
		cmocka_unit_test(of_a_page_that_is_no_users_any_more),
	};

	return cmocka_run_group_tests(tests, judged, NULL);
}
