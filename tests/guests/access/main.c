/* SPDX-License-Identifier: MIT */
/*
 * The access test in four-level paging: does the machine fault where the architecture says so,
 * with the right error code, and set the right bits?
 *
 * Command line: stride=N (every N-th combination, default 61; 1 is all), first=N, pk=1 (protection
 * keys as well).
 */
#include "tests/guests/access/access.h"

#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/test.h"

#define VA        (16ULL << 39)
#define USER_CODE (17ULL << 39)

static u64 get(void *entry)
{
	return *(volatile u64 *)entry;
}

static void set(void *entry, u64 value)
{
	*(volatile u64 *)entry = value;
}

static struct format make_format(void)
{
	u32 physical = cpuid(0x80000008, 0).eax & 0xff;
	u64 above = physical < 52 ? BIT(51) : 0;
	struct format f = {
		.name = "four-level",
		.has_nx = cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_NX,
		.rsvd_pte = above,
		.rsvd_pde = above,
		.rsvd_large = BIT(13),
		.va = VA,
		.pte = entry_of(paging_root, VA, 1),
		.pde = entry_of(paging_root, VA, 2),
		.frame = page_alloc(1, PAGE_SIZE),
		.frame_large = page_alloc(512, PAGE_2M),
		.get = get,
		.set = set,
	};

	f.has_pk = guest_option_number("pk", 0) && cpuid(0, 0).eax >= 7 &&
		   cpuid(7, 0).ecx & CPUID_7_0_ECX_PKU;
	f.table = get(f.pde) & PTE_ADDR;
	*(u16 *)ptr(f.frame) = PROBE_FETCH_CODE;
	*(u16 *)ptr(f.frame_large) = PROBE_FETCH_CODE;
	return f;
}

const char *guest_main(void)
{
	struct format f = make_format();
	u32 stride = guest_option_number("stride", 61);
	u64 user = page_alloc(1, PAGE_SIZE);

	if (!stride)
		return "stride= wants at least 1";
	*entry_of(paging_root, USER_CODE, 1) = user | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D;
	probe_set_user(USER_CODE, ptr(user));
	/* Bit 7 of a PML4E is reserved on every CPU. */
	*entry_of(paging_root, VA, 4) |= PTE_PS;
	expect_calibrate(probe(ACCESS_READ, false, VA, 0));
	*entry_of(paging_root, VA, 4) &= ~PTE_PS;
	invlpg(VA);
	sweep(&f, stride, guest_option_number("first", 0));
	return check_end("access");
}
