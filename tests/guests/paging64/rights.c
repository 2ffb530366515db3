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

/* Stores that a hypervisor is not likely to carry out itself, in one or two pages, RFLAGS.AC set. */
static void odd_stores(u64 value)
{
	u64 stack = VA + 0x800, split = VA + PAGE_SIZE - 4, flag = VA + 0x900;

	__asm__ volatile(
		"mov %%rsp, %%r8; stac; mov %[stack], %%rsp; push %[value]; mov %%r8, %%rsp;"
		"mov %[value], (%[split]); cmp %%eax, %%eax; sete (%[flag]); clac"
		:
		: [stack] "r"(stack), [split] "r"(split), [flag] "r"(flag), [value] "r"(value)
		: "r8", "cc", "memory");
}

/* WP=0 lets the supervisor write a read-only user page: SMAP must still hold for it. */
static void smap_with_write_protect_off(void)
{
	static const u64 value = 0x1122334455667788;

	fixture_reset();
	if (!has_smap)
		return;
	for (u32 i = 0; i < 2; i++) {
		e[1][i] &= ~(PTE_W | PTE_D);
		invlpg(VA + i * PAGE_SIZE);
	}
	write_cr0(read_cr0() & ~CR0_WP);
	write_cr4(read_cr4() | CR4_SMAP);
	for (u32 i = 0; i < 4; i++) {
		u64 at = VA + 0x20;

		odd_stores(value + i);
		/* Where notrap lets the CPU make such a store, SMAP is off until the next exit. */
		cpuid(0, 0);
		expect("read after odd stores", sread(VA), PFEC_P, VA);
		expect("write after odd stores", swrite(VA), PFEC_P | PFEC_W, VA + 16);
		expect("read of the second page", sread(VA + PAGE_SIZE), PFEC_P, VA + PAGE_SIZE);
		expect("user write", uwrite(VA), PFEC_P | PFEC_W | PFEC_U, VA + 16);
		expect("user read", uread(VA), NO_FAULT, VA);
		__asm__ volatile("stac; movq %1, (%0); clac"
				 :
				 : "r"(at), "r"(value + i)
				 : "memory");
		/* This one leaves nothing behind. */
		expect("read after a store", sread(VA), PFEC_P, VA);
		expect("write with AC", probe(ACCESS_WRITE, false, at, RFLAGS_AC), NO_FAULT, at);
		expect("write without", probe(ACCESS_WRITE, false, at, 0), PFEC_P | PFEC_W, at);
	}
	check(e[1][0] & e[1][1] & PTE_D, "D after writes with WP=0: %lx, %lx", e[1][0], e[1][1]);
	write_cr4(read_cr4() & ~CR4_SMAP);
	check(*(u64 *)ptr(VA + 0x7f8) == value + 3 && *(u8 *)ptr(VA + 0x900) == 1 &&
		      *(u64 *)ptr(VA + PAGE_SIZE - 4) == value + 3,
	      "the odd stores stored %lx, %x, %lx", *(u64 *)ptr(VA + 0x7f8), *(u8 *)ptr(VA + 0x900),
	      *(u64 *)ptr(VA + PAGE_SIZE - 4));
}

/* SMSW is a user's instruction as well, and its operand is a user's access; WP=0: it may exit. */
static void smsw_of_a_user(void)
{
	static const u8 code[] = {0x0f, 0x01, 0x27, 0xcd, 0x80}; /* smsw (%rdi); int $0x80 */
	u64 ip = VA + 0x700, at = VA + PAGE_SIZE - 1;

	fixture_reset();
	write_cr0(read_cr0() & ~CR0_WP);
	for (u32 i = 0; i < sizeof(code); i++)
		*(u8 *)ptr(ip + i) = code[i];
	e[1][1] &= ~PTE_U;
	e[1][2] &= ~PTE_W;
	e[1][3] = 0;
	reload_cr3();
	expect("smsw", probe_run(ip, true, VA + 0x800, 0, 0), NO_FAULT, VA);
	check(*(u16 *)ptr(VA + 0x800) == (u16)read_cr0(), "SMSW stored %x",
	      *(u16 *)ptr(VA + 0x800));
	*(u8 *)ptr(at) = 0x5a;
	expect("smsw to the supervisor's", probe_run(ip, true, VA + PAGE_SIZE, 0, 0),
	       PFEC_P | PFEC_W | PFEC_U, VA + PAGE_SIZE);
	expect("smsw to a read-only page", probe_run(ip, true, VA + 2 * PAGE_SIZE, 0, 0),
	       PFEC_P | PFEC_W | PFEC_U, VA + 2 * PAGE_SIZE);
	expect("smsw to no page", probe_run(ip, true, VA + 3 * PAGE_SIZE, 0, 0), PFEC_W | PFEC_U,
	       VA + 3 * PAGE_SIZE);
	expect("smsw across", probe_run(ip, true, at, 0, 0), PFEC_P | PFEC_W | PFEC_U,
	       VA + PAGE_SIZE);
	check(*(u8 *)ptr(at) == 0x5a, "half of an SMSW that faulted was stored");
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
	smap_with_write_protect_off();
	smsw_of_a_user();
}
