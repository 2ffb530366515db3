/* SPDX-License-Identifier: MIT */
/* A guest kernel from its first C line to its last. */
#include "arch/string.h"
#include "guest/builtin/lib/exception.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/paging.h"
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

const char *guest_option(const char *key)
{
	size_t n = strlen(key);

	for (const char *at = memory_cmdline; *at;) {
		if (!strncmp(at, key, n) && at[n] == '=')
			return at + n + 1;
		while (*at && *at != ' ')
			at++;
		while (*at == ' ')
			at++;
	}
	return NULL;
}

u32 guest_option_number(const char *key, u32 otherwise)
{
	const char *at = guest_option(key);
	u32 value = 0;

	if (!at)
		return otherwise;
	do {
		if (*at < '0' || *at > '9' || value > 100000000)
			guest_fail("%s= on the command line wants a decimal number", key);
		value = value * 10 + (u32)(*at++ - '0');
	} while (*at && *at != ' ');
	return value;
}

/* Called by entry.asm with what the loader left in EAX and EBX. */
void start_c(u32 magic, uintptr_t info);

void start_c(u32 magic, uintptr_t info)
{
	const char *why;

	print_init();
	notrap_init();
	exception_init();
	memory_init(magic, info);
	paging_init();
	why = guest_main();
	if (why)
		guest_fail("%s", why);
	print("guest: pass\n");
	end(true);
}
