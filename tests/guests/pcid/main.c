/* SPDX-License-Identifier: MIT */
/*
 * Process-context identifiers and INVPCID (SDM vol. 3A 4.10, vol. 2A INVPCID), for the bare machine
 * and for notrap alike. A CPU without them has its own right answers.
 */
#include "tests/guests/pcid/pcid.h"

#include "guest/builtin/lib/guest.h"

bool has_pcid, has_invpcid;
struct outcome outcome;
u64 resume;

static bool on_exception(struct frame *f)
{
	outcome = (struct outcome){f->vector, f->error, read_cr2()};
	f->rip = resume;
	return true;
}

void expect_done(const char *what, struct outcome got)
{
	check(got.vector == NOTHING, "%s: vector %lu error %lx", what, got.vector, got.error);
}

void expect_exception(const char *what, struct outcome got, u64 vector)
{
	check(got.vector == vector && got.error == 0, "%s: vector %lu error %lx, not vector %lu",
	      what, got.vector, got.error, vector);
}

void expect_page_fault(const char *what, struct outcome got, u64 error, u64 va)
{
	check(got.vector == VEC_PF && got.error == error && got.cr2 == va,
	      "%s: vector %lu error %lx cr2 %lx, not #PF error %lx cr2 %lx", what, got.vector,
	      got.error, got.cr2, error, va);
}

static void test_absence(void)
{
	if (!has_pcid)
		expect_exception("CR4.PCIDE without PCID", load_cr4(read_cr4() | CR4_PCIDE),
				 VEC_GP);
	if (!has_invpcid)
		expect_exception("INVPCID without INVPCID", invpcid(ALL, 0, 0), VEC_UD);
}

const char *guest_main(void)
{
	static const u8 vectors[] = {VEC_UD, VEC_SS, VEC_GP, VEC_PF};

	for (u32 i = 0; i < ARRAY_SIZE(vectors); i++)
		exception_handle(vectors[i], on_exception);
	has_pcid = cpuid(1, 0).ecx & CPUID_1_ECX_PCID;
	has_invpcid = cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx & CPUID_7_0_EBX_INVPCID;

	test_absence();
	if (has_invpcid)
		test_faults();
	if (has_pcid)
		test_registers();
	if (has_invpcid && has_pcid) {
		test_faults();
		test_stale();
		test_random();
	}
	return check_end("pcid");
}
