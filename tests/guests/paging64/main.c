/* SPDX-License-Identifier: MIT */
/* Directed tests of four- and five-level paging, for the bare machine and for notrap alike. */
#include "tests/guests/paging64/paging64.h"

#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/print.h"

#define USER_CODE (17ULL << 39)
#define VA_FOUR   (16ULL << 39)
#define VA_FIVE   (3ULL << 48 | 16ULL << 39)

u64 fixture_va, *e[6], frame[FRAMES], frame2m;
bool has_nx, has_1g, has_smep, has_smap, has_la57;

static u64 upper_value[6];

u64 mark(u32 i)
{
	return 0x1234567800000000 + i;
}

static void init_once(void)
{
	u64 user = page_alloc(1, PAGE_SIZE);

	has_nx = cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_NX;
	has_1g = cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_PAGE1GB;
	has_smep = cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx & CPUID_7_0_EBX_SMEP;
	has_smap = cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx & CPUID_7_0_EBX_SMAP;
	has_la57 = cpuid(0, 0).eax >= 7 && cpuid(7, 0).ecx & CPUID_7_0_ECX_LA57;

	frame2m = page_alloc(512, PAGE_2M);
	*(u16 *)ptr(frame2m) = PROBE_FETCH_CODE;
	((u64 *)ptr(frame2m))[1] = mark(FRAMES);
	for (u32 i = 0; i < FRAMES; i++) {
		frame[i] = page_alloc(1, PAGE_SIZE);
		*(u16 *)ptr(frame[i]) = PROBE_FETCH_CODE;
		((u64 *)ptr(frame[i]))[1] = mark(i);
	}
	*entry_of(paging_root, USER_CODE, 1) = user | LEAF;
	probe_set_user(USER_CODE, ptr(user));
}

void fixture_init(u64 va)
{
	fixture_va = va;
	for (u32 level = 1; level <= paging_levels; level++)
		e[level] = entry_of(paging_root, VA, level);
	for (u32 level = 2; level <= paging_levels; level++)
		upper_value[level] = *e[level];
	fixture_reset();
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
	for (u32 level = 2; level <= paging_levels; level++)
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

static void test_levels(void)
{
	test_bits();
	test_rights();
	test_reserved();
	test_tables();
	test_links();
	test_places();
	test_writes();
	test_stale();
	test_registers();
	test_wrap();
	test_random();
	fixture_reset();
	print("paging64: done with %u levels\n", paging_levels);
}

const char *guest_main(void)
{
	init_once();
	fixture_init(VA_FOUR);
	/* Bit 7 of a PML4E is reserved on every CPU. */
	set(e[4], *e[4] | PTE_PS);
	expect_calibrate(sread(VA));
	test_levels();
	if (has_la57) {
		paging_use_levels(5);
		fixture_init(VA_FIVE);
		test_levels();
		test_five();
		paging_use_levels(4);
		fixture_init(VA_FOUR);
		test_links();
	}
	return check_end("paging64");
}
