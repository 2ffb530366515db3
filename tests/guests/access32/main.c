/* SPDX-License-Identifier: MIT */
/*
 * The access test in two-level and in PAE paging, in one kernel that changes from one to the other.
 *
 * Command line: stride=N (every N-th combination, default 31; 1 is all), first=N.
 */
#include "tests/guests/access/access.h"

#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/test.h"

#define VA        0xc0000000
#define USER_CODE 0xc8000000

static u64 frame, frame_large, user;

static struct format make_format(void)
{
	bool pae = paging_now == PAGING_PAE;
	struct format f = {
		.name = pae ? "PAE" : "two-level",
		.has_nx = pae && cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_NX,
		.has_pse = !pae,
		.rsvd_pte = pae ? BIT(62) : 0,
		.rsvd_pde = pae ? BIT(62) : 0,
		.rsvd_large = pae ? BIT(13) : BIT(21),
		.va = VA,
		.pte = entry_of(VA, 1),
		.pde = entry_of(VA, 2),
		.frame = frame,
		.frame_large = frame_large,
		.get = entry_get,
		.set = entry_set,
	};

	f.table = entry_get(f.pde) & PTE_ADDR;
	entry_set(entry_of(USER_CODE, 1), user | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D);
	return f;
}

static void one_format(enum paging kind, u32 stride)
{
	struct format f;

	paging_switch(kind);
	f = make_format();
	entry_set(f.pde, f.frame_large | PTE_P | PTE_PS | f.rsvd_large);
	expect_calibrate(probe(ACCESS_READ, false, VA, 0));
	sweep(&f, stride, guest_option_number("first", 0));
}

const char *guest_main(void)
{
	u32 stride = guest_option_number("stride", 31);

	if (!stride)
		return "stride= wants at least 1";
	frame = page_alloc(1, PAGE_SIZE);
	frame_large = page_alloc(1024, PAGE_4M);
	user = page_alloc(1, PAGE_SIZE);
	*(u16 *)ptr(frame) = PROBE_FETCH_CODE;
	*(u16 *)ptr(frame_large) = PROBE_FETCH_CODE;
	probe_set_user(USER_CODE, ptr(user));
	one_format(PAGING_TWO_LEVEL, stride);
	one_format(PAGING_PAE, stride);
	paging_switch(PAGING_OFF);
	return check_end("access32");
}
