/* SPDX-License-Identifier: MIT */
/* Access rights, from the entries of all levels together: SDM vol. 3A 4.6. */
#include "tests/guests/paging64/paging64.h"

struct setting {
	u32 ro, super, nx; /* masks of levels: W clear, U clear, NX set */
	bool wp, smep, smap, ac;
};

/* The architecture's answer. */
static u32 expected(const struct setting *s, enum access access, bool user)
{
	bool user_page = !s->super, allowed = true;
	u32 error = PFEC_P | (access == ACCESS_WRITE ? PFEC_W : 0) | (user ? PFEC_U : 0);

	if (access == ACCESS_FETCH && (has_nx || s->smep))
		error |= PFEC_I;
	if (user && !user_page)
		allowed = false;
	if (access == ACCESS_WRITE && s->ro && (user || s->wp))
		allowed = false;
	if (access == ACCESS_FETCH && s->nx)
		allowed = false;
	if (!user && user_page) {
		if (access == ACCESS_FETCH && s->smep)
			allowed = false;
		if (access != ACCESS_FETCH && s->smap && !s->ac)
			allowed = false;
	}
	return allowed ? NO_FAULT : error;
}

static void apply_tables(const struct setting *s, u32 leaf)
{
	for (u32 level = leaf; level <= paging_levels; level++) {
		u64 value = *e[level] & ~PTE_NX;

		value = s->ro & BIT(level) ? value & ~PTE_W : value | PTE_W;
		value = s->super & BIT(level) ? value & ~PTE_U : value | PTE_U;
		value = s->nx & BIT(level) ? value | PTE_NX : value;
		if (value != *e[level])
			*e[level] = value;
	}
	reload_cr3();
}

/* These take effect without a flush of the program's own. */
static void apply_registers(const struct setting *s)
{
	reg cr0 = read_cr0(), cr4 = read_cr4();

	cr0 = s->wp ? cr0 | CR0_WP : cr0 & ~CR0_WP;
	cr4 = s->smep ? cr4 | CR4_SMEP : cr4 & ~CR4_SMEP;
	cr4 = s->smap ? cr4 | CR4_SMAP : cr4 & ~CR4_SMAP;
	write_cr0(cr0);
	write_cr4(cr4);
}

static void try_all(const struct setting *s, u32 leaf)
{
	static const char *const names[] = {"read", "write", "fetch"};

	apply_registers(s);
	for (u32 kind = 0; kind < 6; kind++) {
		enum access access = kind % 3;
		bool user = kind >= 3;
		u64 va = access == ACCESS_WRITE ? VA + 16 : VA;
		struct probe p = probe(access, user, va, s->ac ? RFLAGS_AC : 0);
		u32 want = expected(s, access, user);

		expect(names[access], p, want, va);
		if (p.vector != (want == NO_FAULT ? VECTOR_DONE : VEC_PF))
			check(false,
			      "  leaf %u ro %x super %x nx %x wp %u smep %u smap %u ac %u user %u",
			      leaf, s->ro, s->super, s->nx, s->wp, s->smep, s->smap, s->ac, user);
	}
}

static void all_modes(struct setting s, u32 leaf)
{
	apply_tables(&s, leaf);
	for (u32 mode = 0; mode < 16; mode++) {
		s.wp = mode & 1;
		s.smep = mode & 2;
		s.smap = mode & 4;
		s.ac = mode & 8;
		if ((s.smep && !has_smep) || (s.smap && !has_smap) || (s.ac && !s.smap))
			continue;
		try_all(&s, leaf);
	}
}

/* Rights taken away nowhere, at one level, and at two; the access guest takes them all. */
static void all_settings(u32 leaf)
{
	for (u32 i = leaf; i <= paging_levels; i++) {
		for (u32 j = leaf; j <= paging_levels; j++)
			all_modes((struct setting){.ro = BIT(i), .super = BIT(j)}, leaf);
		all_modes((struct setting){.ro = BIT(i)}, leaf);
		all_modes((struct setting){.super = BIT(i)}, leaf);
		if (has_nx)
			all_modes((struct setting){.nx = BIT(i)}, leaf);
	}
	all_modes((struct setting){0}, leaf);
}

/*
 * WP=0 lets the supervisor write a read-only user page: the user must still not be able to write
 * it, nor the supervisor under SMEP to run it, nor anybody to miss the dirty bit.
 */
static void write_protect_off(u32 leaf)
{
	fixture_reset();
	if (leaf == 2)
		set(e[2], frame2m | LEAF | PTE_PS);
	set(e[leaf], *e[leaf] & ~(PTE_W | PTE_D));
	write_cr0(read_cr0() & ~CR0_WP);
	if (has_smep)
		write_cr4(read_cr4() | CR4_SMEP);
	expect("supervisor write, WP=0", swrite(VA), NO_FAULT, VA);
	check(*e[leaf] & PTE_D, "D after a write with WP=0: %lx", *e[leaf]);
	expect("user read after it", uread(VA), NO_FAULT, VA);
	expect("user write after it", uwrite(VA), PFEC_P | PFEC_W | PFEC_U, VA + 16);
	if (has_smep)
		expect("supervisor fetch after it", sfetch(VA), PFEC_P | PFEC_I, VA);
	expect("user fetch after it", ufetch(VA), NO_FAULT, VA);
	expect("supervisor write once more", swrite(VA), NO_FAULT, VA);
	/* Without any flush: changing WP is one. */
	write_cr0(read_cr0() | CR0_WP);
	expect("supervisor write, WP=1", swrite(VA), PFEC_P | PFEC_W, VA + 16);
	write_cr0(read_cr0() & ~CR0_WP);
	expect("supervisor write, WP=0 again", swrite(VA), NO_FAULT, VA);
}

void test_rights(void)
{
	fixture_reset();
	all_settings(1);
	fixture_reset();
	*e[2] = frame2m | LEAF | PTE_PS;
	all_settings(2);
	write_protect_off(1);
	write_protect_off(2);
}
