/* SPDX-License-Identifier: MIT */
/* What the directed tests of the shadow MMU have in common; see mmu_guest.h. */
#include "tests/host/mmu_guest.h"

struct sim sim;
struct rnd rng;
u64 root;
static u64 next_table;

const struct sim_config plain = {
	.features = {.maxphyaddr = 40, .nx = true, .pages_1g = true, .pse36 = true},
	.traps = SIM_TRAPS_ADDRESS,
	.sync = MMU_SYNC_ALWAYS,
	.bypass = true,
	.vpid = true,
};

static void refused(void)
{
	fail_msg("the judge said no");
}

int judged(void **state)
{
	(void)state;
	sim_on_fail = refused;
	return 0;
}

void machine(const struct sim_config *c)
{
	rnd_seed(&rng, 1);
	sim_init(&sim, c, &rng);
	sim.audit_each = true;
	sim.emulate_all = true;
	next_table = MIB(2);
	root = 0;
}

u64 table(void)
{
	next_table += PAGE_SIZE;
	return next_table - PAGE_SIZE;
}

u64 entry_at(u64 top, int levels, u64 gva, int level)
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

u64 pte(u64 gva)
{
	return entry_at(root, 4, gva, 1);
}

u64 pde(u64 gva)
{
	return entry_at(root, 4, gva, 2);
}

u64 new_root(void)
{
	u64 top = table();

	for (u64 gpa = 0; gpa < MIB(28); gpa += MIB(2))
		sim_poke(&sim, entry_at(top, 4, DIRECT + gpa, 2),
			 gpa | PTE_P | PTE_W | PTE_PS | PTE_A | PTE_D, 8);
	return top;
}

void run_4level(u64 cr0, u64 cr4, u64 efer)
{
	sim_set_regs(&sim, CR0_PG | CR0_PE | cr0, root, CR4_PAE | cr4, EFER_LMA | efer, true);
}

u64 one_page(const struct sim_config *c, u64 entry)
{
	u64 at;

	machine(c);
	root = new_root();
	at = pte(GVA);
	sim_poke(&sim, at, entry, 8);
	run_4level(CR0_WP, 0, 0);
	return at;
}

u32 guest_pkru;

u32 try(u64 gva, u32 kind, u64 *value)
{
	struct ref_access a = {.gva = gva,
			       .pkru = guest_pkru,
			       .write = (kind & 3) == WRITE,
			       .fetch = (kind & 3) == FETCH};
	u64 data = value ? *value : 0x1122334455667788;
	u32 pfec;

	a.user = kind & USER;
	a.ac = kind & AC;
	sim.stats.steps++;
	if (sim_access(&sim, &a, &data, 8, &pfec) == SIM_DONE)
		return 0;
	return 0x100 | pfec;
}

void put(u64 gpa, u64 value)
{
	assert_int_equal(try(DIRECT + gpa, WRITE | AC, &value), 0);
	assert_int_equal(sim_read(gpa, 8), value);
}

static u64 exits_since;

u64 exits(void)
{
	u64 n = sim.stats.exits - exits_since;

	exits_since = sim.stats.exits;
	return n;
}
