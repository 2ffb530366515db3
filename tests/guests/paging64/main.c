/* SPDX-License-Identifier: MIT */
/* Directed tests of four-level paging, for the bare machine and for notrap alike. */
#include "tests/guests/paging64/paging64.h"

#include "guest/builtin/lib/guest.h"

#define USER_CODE (17ULL << 39)

u64 *e[5], frame[FRAMES], frame2m;
bool has_nx, has_1g, has_smep, has_smap;

static u64 upper_value[5];

u64 mark(u32 i)
{
	return 0x1234567800000000 + i;
}

void fixture_init(void)
{
	u64 user = page_alloc(1, PAGE_SIZE);

	has_nx = cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_NX;
	has_1g = cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_PAGE1GB;
	has_smep = cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx & CPUID_7_0_EBX_SMEP;
	has_smap = cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx & CPUID_7_0_EBX_SMAP;

	frame2m = page_alloc(512, PAGE_2M);
	*(u16 *)ptr(frame2m) = PROBE_FETCH_CODE;
	((u64 *)ptr(frame2m))[1] = mark(FRAMES);
	for (u32 i = 0; i < FRAMES; i++) {
		frame[i] = page_alloc(1, PAGE_SIZE);
		*(u16 *)ptr(frame[i]) = PROBE_FETCH_CODE;
		((u64 *)ptr(frame[i]))[1] = mark(i);
	}
	for (u32 level = 1; level <= 4; level++)
		e[level] = entry_of(paging_root, VA, level);
	for (u32 level = 2; level <= 4; level++)
		upper_value[level] = *e[level];
	*entry_of(paging_root, USER_CODE, 1) = user | LEAF;
	probe_set_user(USER_CODE, ptr(user));
}

/* Write only what differs: writes to tables are what takes time under a hypervisor. */
static void restore(u64 *entry, u64 value)
{
	if (*(volatile u64 *)entry != value)
		*(volatile u64 *)entry = value;
}

void fixture_reset(void)
{
	write_cr0(read_cr0() | CR0_WP);
	write_cr4(read_cr4() & ~(CR4_SMEP | CR4_SMAP));
	if (has_nx)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	for (u32 level = 2; level <= 4; level++)
		restore(e[level], upper_value[level]);
	for (u32 i = 0; i < 512; i++)
		restore(&e[1][i], i < FRAMES ? frame[i] | LEAF : 0);
	for (u32 i = 1; i < 512; i++) {
		restore(&e[2][i], 0);
		restore(&e[3][i], 0);
	}
	restore(entry_of(paging_root, VA2, 4), 0);
	/* Global ones too. */
	write_cr4(read_cr4() ^ CR4_PGE);
	write_cr4(read_cr4() ^ CR4_PGE);
}

void expect_page(const char *what, u64 va, u32 page)
{
	expect(what, sread(va), NO_FAULT, va);
	check(word_at(va) == mark(page), "%s: %lx says %lx, not page %u", what, va, word_at(va),
	      page);
}

const char *guest_main(void)
{
	fixture_init();
	fixture_reset();
	/* Bit 7 of a PML4E is reserved on every CPU. */
	set(e[4], *e[4] | PTE_PS);
	expect_calibrate(sread(VA));

	test_bits();
	test_rights();
	test_reserved();
	test_tables();
	test_links();
	test_writes();
	test_stale();
	test_registers();
	test_random();
	return check_end("paging64");
}
