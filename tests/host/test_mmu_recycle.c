/* SPDX-License-Identifier: MIT */
/*
 * Shadow tables that run out in the middle of an operation: invariant 11, see mm/shadow/recycle.c. The pools
 * are of the least size that mmu_init() takes.
 */
#include "arch/cpu.h"
#include "mm/shadow/settle.h"
#include "tests/host/sim.h"
#include "tests/host/sim_mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define UPPER  (PTE_P | PTE_W | PTE_U | PTE_A)
#define FLAGS  (UPPER | PTE_D)
#define TABLE  MIB(2) /* the guest's own tables, in the order that they are made */
#define DATA   MIB(4)
#define ROOTS  MIB(24) /* frames with nothing in them */
#define OTHERS (ROOTS + 768 * PAGE_SIZE)

static struct sim sim;
static struct rnd rng;
static u64 next_table;

static const struct sim_config plain = {
	.features = {.maxphyaddr = 40, .nx = true, .pages_1g = true, .pse36 = true},
	.traps = SIM_TRAPS_ADDRESS,
	.sync = MMU_SYNC_ALWAYS,
	.bypass = true,
	.vpid = true,
	.pdptes_keep = true,
};

static void machine(const struct sim_config *config, bool tiny)
{
	static u64 least[MMU_VCPUS_MAX + 1];
	struct sim_config c = *config;

	rnd_seed(&rng, 1);
	if (tiny && !least[c.vcpus])
		least[c.vcpus] = sim_least_pool(&c);
	if (tiny)
		c.pool_size = least[c.vcpus];
	sim_init(&sim, &c, &rng);
	sim.emulate_all = true;
	next_table = TABLE;
}

static u64 table(void)
{
	next_table += PAGE_SIZE;
	return next_table - PAGE_SIZE;
}

/* --- one kind of guest after the other ---------------------------------------------------------- */

/* How a mode's tables look. */
struct kind {
	const char *name;
	u64 cr4, efer;
	int levels;
	u32 bits, size; /* of an index, of an entry */
	u32 loads;      /* tables that a load of CR3 makes */
};

static const struct kind kinds[] = {
	{"32-bit", CR4_PSE, 0, 2, 10, 4, 4},
	{"PAE", CR4_PAE, 0, 3, 9, 8, 4},
	{"4-level", CR4_PAE, EFER_LMA, 4, 9, 8, 1},
	{"5-level", CR4_PAE | CR4_LA57, EFER_LMA, 5, 9, 8, 1},
};

/* Map the page at gva by tables, or by a leaf at a higher level. */
static void map(const struct kind *k, u64 top, u64 gva, int leaf)
{
	u64 at = top;

	for (int level = k->levels;; level--) {
		u64 i = gva >> (12 + k->bits * (level - 1)) & (BIT(k->bits) - 1);
		u64 gpa = at + i * k->size, entry = sim_read(gpa, k->size);

		if (level == leaf) {
			u64 to = leaf > 1 ? FLAGS | PTE_PS : DATA | FLAGS;

			sim_poke(&sim, gpa, to, k->size);
			return;
		}
		if (!(entry & PTE_P)) {
			/* PDPTEs of PAE have no other flags. */
			entry = table() | (k->levels == 3 && level == 3 ? PTE_P : UPPER);
			sim_poke(&sim, gpa, entry, k->size);
		}
		at = k->size == 4 ? entry & 0xfffff000 : entry & PTE_ADDR;
	}
}

static void run(const struct kind *k, u64 top, u64 cr0)
{
	sim_set_regs(&sim, 1, 0, 0, 0, true);
	assert_int_equal(sim_set_regs(&sim, CR0_PG | CR0_PE | cr0, top, k->cr4, k->efer, true), 0);
}

static void works(u64 gva, bool write)
{
	struct ref_access a = {.gva = gva, .write = write, .ac = true};
	u64 data = 0x1122334455667788;
	u32 pfec;

	assert_int_equal(sim_access(&sim, &a, &data, 8, &pfec), SIM_DONE);
}

/* So many address spaces with nothing in them, and back. */
static void storm(const struct kind *k, u64 top, u32 loads)
{
	static u32 next;

	for (u32 i = 0; i < loads; i++) {
		u64 root = ROOTS + next++ % 512 * PAGE_SIZE;

		for (u32 j = 0; k->levels == 3 && j < 4; j++)
			sim_poke(&sim, root + 8 * j,
				 (ROOTS + (512 + next++ % 256) * PAGE_SIZE) | PTE_P, 8);
		assert_int_equal(sim_set_cr3(&sim, root), 0);
	}
	assert_int_equal(sim_set_cr3(&sim, top), 0);
}

/*
 * A way is used, so many roots are loaded that one of its tables is the oldest of all, and the next
 * fault needs tables below it. That is so for some number of roots: each is tried.
 */
static void age(const struct kind *k, u64 beside, int leaf)
{
	u32 tables;

	machine(&plain, true);
	tables = sim_tables(&sim);
	for (u32 loads = 0; loads <= tables / k->loads + 2; loads++) {
		u64 top;

		machine(&plain, true);
		top = table();
		map(k, top, 0, 1);
		map(k, top, beside, leaf);
		run(k, top, CR0_WP);
		storm(k, top, tables);
		works(0, false);
		storm(k, top, loads);
		sim.audit_each = true;
		works(beside, false);
		works(0, true);
		works(beside, true);
		sim_finish(&sim);
	}
}

static void oldest_table_is_on_the_way(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct kind *k = &kinds[i];
		int shift = 12 + k->bits;

		for (int level = 2; level <= k->levels && shift < 48; level++, shift += k->bits)
			age(k, BIT(shift), 1);
	}
}

/* A large page over the guest's own tables is split: direct tables at the end of the longest way. */
static void oldest_table_is_on_the_way_to_a_split_page(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		age(&kinds[i], BIT(12 + kinds[i].bits), 2);
		if (kinds[i].levels > 3)
			age(&kinds[i], BIT(30), 3);
	}
}

/* --- what an operation leaves behind ------------------------------------------------------------ */

/*
 * A directory of 64-bit entries is read as a table of 32-bit ones: the A bit of an odd entry is an address
 * bit of the other view, and unlinks a table there.
 */
static void translation_leaves_no_orphans(void **state)
{
	const struct kind *two = &kinds[0], *four = &kinds[2];
	struct sim_config c = plain;
	u64 top, dir, other;

	(void)state;
	c.high_ram = true;
	machine(&c, false);
	top = table();
	for (u64 k = 0; k < 40; k++)
		map(four, top, k << 21, 1);
	dir = sim_read(sim_read(top, 8) & PTE_ADDR, 8) & PTE_ADDR;
	for (u64 k = 0; k < 40; k++) {
		u64 pt = SIM_HIGH_START + k * PAGE_SIZE;

		sim_poke(&sim, dir + 8 * k, pt | UPPER, 8);
		sim_poke(&sim, pt, DATA | FLAGS, 8);
	}
	other = table();
	sim_poke(&sim, other, dir | UPPER, 4);
	run(four, top, CR0_WP);
	for (u64 k = 0; k < 40; k++)
		works(k << 21, false);
	run(two, other, CR0_WP);
	for (u64 k = 0; k < 40; k++) {
		struct ref_access a = {.gva = (2 * k + 1) << 12, .ac = true};
		u32 pfec;

		assert_int_equal(sim_emulate(&sim, &a, NULL, 8, &pfec), SIM_DONE);
		assert_int_equal(sim.mmu->orphans.first, 0);
	}
	assert_true(sim.counters.value[CNT_mmu_shadow_zapped] >= 39);
	sim_finish(&sim);
}

/* Orphans wait in order, are tables like others meanwhile, and are the first to make room. */
static void orphans_are_recycled_first(void **state)
{
	const struct kind *k = &kinds[2];
	struct mmu *m;
	u32 first;
	u64 top;

	(void)state;
	machine(&plain, true);
	m = sim.mmu;
	top = table();
	map(k, top, 0, 1);
	map(k, top, MIB(2), 1);
	run(k, top, CR0_WP);
	storm(k, top, sim_tables(&sim));
	works(0, false);
	works(MIB(2), false);
	/* As if the guest had unlinked both, and the reaping were put off. */
	op_begin(m);
	assert_int_equal(m->orphans.first, 0);
	for (u32 i = 0; i < 2; i++) {
		u32 pd = 0;

		for (u32 t = m->lru.first; t; t = m->shadows[t].list_next)
			pd = m->shadows[t].role.level == 2 ? t : pd;
		entry_drop(m, slot_make(pd, i), true);
		entry_put(m, slot_make(pd, i), trap_entry(m, m->shadows[pd].role));
	}
	assert_int_equal(mmu_audit(&sim.v), 0);
	first = m->orphans.first;
	assert_int_not_equal(first, m->orphans.last);
	assert_int_equal(recycle_victim(m), first);
	/* The first is held: the next one is taken. */
	m->shadows[first].stamp = m->clock;
	assert_int_equal(recycle_victim(m), m->orphans.last);
	/* Linked again, it is an orphan no more. */
	shadow_used(m, first);
	assert_int_equal(m->lru.first, first);
	assert_int_equal(mmu_audit(&sim.v), 0);
	settle(&sim.v);
	assert_int_equal(m->orphans.first, 0);
	works(0, false);
	works(MIB(2), true);
	sim_finish(&sim);
}

/* --- how small a pool may be -------------------------------------------------------------------- */

static void least_pool_grows_with_the_cpus(void **state)
{
	static const u32 cpus[] = {1, 2, MMU_VCPUS_MAX};
	struct sim_config c = plain;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cpus); i++) {
		c.vcpus = cpus[i];
		machine(&c, true);
		assert_int_equal(sim_tables(&sim) + 1, SHADOWS_LEAST(cpus[i]));
	}
}

/* Another CPU's root and PDs are never in the way, nor taken away from it. */
static void roots_of_other_cpus(void **state)
{
	struct sim_config c = plain;

	(void)state;
	c.vcpus = 2;
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (u32 j = 0; j < ARRAY_SIZE(kinds); j++) {
			const struct kind *k = &kinds[i], *l = &kinds[j];
			static struct mmu_vcpu second;
			static struct counters counters;
			struct paging_regs regs = {.cr0 = CR0_PG | CR0_PE, .cr3 = OTHERS};
			u64 top, root;

			machine(&c, true);
			mmu_vcpu_init(&second, sim.mmu, &counters);
			top = table();
			map(k, top, 0, 1);
			map(k, top, BIT(21), 1);
			regs.cr4 = l->cr4;
			regs.efer = l->efer;
			for (u32 p = 0; p < 4; p++)
				regs.pdpte[p] = (OTHERS + p * PAGE_SIZE) | PTE_P;
			mmu_set_regs(&second, &regs);
			root = second.hw.root;
			run(k, top, CR0_WP);
			sim.audit_each = true;
			for (u32 n = 0; n < 4; n++) {
				works(0, n & 1);
				works(BIT(21), n & 1);
				storm(k, top, sim_tables(&sim));
			}
			mmu_set_cr3(&second, regs.cr3);
			assert_int_equal(second.hw.root, root);
			assert_int_equal(counters.value[CNT_mmu_recycled], 0);
			sim_finish(&sim);
		}
	}
}

/* --- PDPTEs --------------------------------------------------------------------------------------- */

static void pdptes_are_loaded_again(void **state)
{
	const struct kind *k = &kinds[1];
	u64 top, other, root, pdpte;

	(void)state;
	machine(&plain, true);
	top = table();
	other = table();
	map(k, top, 0, 1);
	map(k, other, 0, 1);
	run(k, top, CR0_WP);
	works(0, false);
	root = sim.v.hw.root;
	assert_false(sim.v.hw.reload_root);
	/* The same PDPTEs. */
	mmu_set_cr3(&sim.v, top);
	assert_false(sim.v.hw.reload_root);
	/* Others, at the same address. */
	pdpte = sim.v.regs.pdpte[0];
	sim.v.regs.pdpte[0] = sim_read(other, 8);
	mmu_set_cr3(&sim.v, other);
	assert_int_equal(sim.v.hw.root, root);
	assert_true(sim.v.hw.reload_root);
	sim.v.hw.reload_root = false;
	sim.v.regs.pdpte[0] = pdpte;
	mmu_set_cr3(&sim.v, top);
	assert_true(sim.v.hw.reload_root);
	/* A CPU that keeps PDPTEs sees the change all the same. */
	sim_set_cr3(&sim, top);
	for (u32 i = 0; i < 4; i++) {
		sim_set_cr3(&sim, i & 1 ? top : other);
		works(0, true);
	}
}

/* --- faults --------------------------------------------------------------------------------------- */

/* What the guest's own fault drops, the CPU has dropped: see guest_fault() in mm/shadow/fault.c. */
static void own_fault_owes_no_flush(void **state)
{
	const struct kind *k = &kinds[2];
	struct mmu_fault f = {.pfec = PFEC_P | PFEC_W | PFEC_U};
	u64 top;

	(void)state;
	machine(&plain, true);
	top = table();
	map(k, top, 0, 1);
	sim_poke(&sim, next_table - PAGE_SIZE, DATA | (FLAGS & ~PTE_W), 8);
	run(k, top, CR0_WP);
	works(0, false);
	assert_int_equal(mmu_fault(&sim.v, &f), MMU_GUEST_FAULT);
	assert_int_equal(f.guest_pfec, PFEC_P | PFEC_W | PFEC_U);
	assert_int_equal(sim.v.hw.flush, MMU_FLUSH_NONE);
	/* One that the CPU has not seen owes it. */
	f.pfec = PFEC_W | PFEC_U;
	assert_int_equal(mmu_translate(&sim.v, &f, &top), -1);
	assert_int_equal(sim.v.hw.flush, MMU_FLUSH_GVA);
}

static void failed(void)
{
	fail_msg("the judge said no");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oldest_table_is_on_the_way),
		cmocka_unit_test(oldest_table_is_on_the_way_to_a_split_page),
		cmocka_unit_test(translation_leaves_no_orphans),
		cmocka_unit_test(orphans_are_recycled_first),
		cmocka_unit_test(least_pool_grows_with_the_cpus),
		cmocka_unit_test(roots_of_other_cpus),
		cmocka_unit_test(pdptes_are_loaded_again),
		cmocka_unit_test(own_fault_owes_no_flush),
	};

	sim_on_fail = failed;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
