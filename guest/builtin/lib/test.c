/* SPDX-License-Identifier: MIT */
/* Counting checks. */
#include "guest/builtin/lib/test.h"

#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/print.h"

#define FAILURES_SHOWN 20

static u32 checks, failures;
static bool rsvd_lacks_p, printed;

void check(bool ok, const char *what, ...)
{
	__builtin_va_list ap;

	checks++;
	if (ok || ++failures > FAILURES_SHOWN)
		return;
	printed = true;
	print("failed: ");
	__builtin_va_start(ap, what);
	vprint(what, ap);
	__builtin_va_end(ap);
	print("\n");
}

bool check_failed(void)
{
	bool was = printed;

	printed = false;
	return was;
}

void expect_calibrate(struct probe reserved)
{
	/* "AuthenticAMD": its last four letters. */
	rsvd_lacks_p = cpuid(0, 0).ecx == 0x444d4163 && reserved.error == PFEC_RSVD;
}

void expect(const char *what, struct probe got, u32 error, reg va)
{
	u32 ignore = rsvd_lacks_p && error != NO_FAULT && error & PFEC_RSVD ? PFEC_P : 0;

	if (error == NO_FAULT)
		check(got.vector == VECTOR_DONE, "%s at %lx: vector %u error %x cr2 %lx, not none",
		      what, va, got.vector, got.error, got.cr2);
	else
		check(got.vector == VEC_PF && !((got.error ^ error) & ~ignore) && got.cr2 == va,
		      "%s at %lx: vector %u error %x cr2 %lx, not #PF error %x", what, va,
		      got.vector, got.error, got.cr2, error);
}

const char *check_end(const char *name)
{
	print("%s: %u checks, %u failures\n", name, checks, failures);
	return failures ? "checks failed" : NULL;
}
