/* SPDX-License-Identifier: MIT */
/* How a guest kernel ends. */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/power.h"
#include "guest/builtin/lib/print.h"

static NORETURN void end(bool pass)
{
	static bool ending;

	print_drain();
	/* What fails while the machine is being ended would fail again. */
	while (ending)
		__asm__ volatile("cli; hlt");
	ending = true;
	if (notrap_present()) {
		notrap_call(HC_REPORT_FAULTS, page_faults);
		notrap_call(HC_END, !pass);
	} else {
		power_off();
	}
	for (;;)
		__asm__ volatile("cli; hlt");
}

void guest_fail(const char *fmt, ...)
{
	__builtin_va_list ap;

	print("guest: fail ");
	__builtin_va_start(ap, fmt);
	vprint(fmt, ap);
	__builtin_va_end(ap);
	print("\n");
	end(false);
}

void guest_pass(void)
{
	print("guest: pass\n");
	end(true);
}
