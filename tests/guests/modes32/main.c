/* SPDX-License-Identifier: MIT */
/* Two-level and PAE paging, directed tests, and a guest that changes its mode while it runs. */
#include "tests/guests/modes32/modes32.h"

#include "guest/builtin/lib/guest.h"

#define VENDOR_INTEL_EBX 0x756e6547 /* "Genu" */

u64 frame[FRAMES], large, user;

u32 mark(u32 i)
{
	return 0x12340000 + i;
}

void expect_page(const char *what, reg va, u32 i)
{
	expect(what, rd(va), NO_FAULT, va);
	check(word_at(va) == mark(i), "%s: %lx says %x, not %x", what, va, word_at(va), mark(i));
}

/* Intel's CPUs tell it to 64-bit code alone: SDM vol. 2A, CPUID. */
static void test_syscall(void)
{
	bool told = cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_SYSCALL;

	if (cpuid(0, 0).ebx == VENDOR_INTEL_EBX)
		check(!told, "32-bit code is told of SYSCALL");
}

const char *guest_main(void)
{
	test_syscall();
	user = page_alloc(1, PAGE_SIZE);
	large = page_alloc(1024, PAGE_4M);
	for (u32 i = 0; i <= FRAMES; i++) {
		u64 pa = large;

		if (i < FRAMES)
			pa = frame[i] = page_alloc(1, PAGE_SIZE);
		*(u32 *)ptr(pa) = PROBE_FETCH_CODE;
		((u32 *)ptr(pa))[1] = mark(i);
	}
	paging_switch(PAGING_TWO_LEVEL);
	/* Bit 21 of a 4M page's entry is reserved on every CPU. */
	entry_set(entry_of(VA, 2), large | LEAF | PTE_PS | BIT(21));
	expect_calibrate(rd(VA));
	entry_set(entry_of(VA, 2), 0);
	invlpg(VA);
	test_tables();
	paging_switch(PAGING_PAE);
	test_tables();
	test_pdptes();
	test_switches();
	paging_switch(PAGING_OFF);
	return check_end("modes32");
}
