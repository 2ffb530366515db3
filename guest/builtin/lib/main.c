/* SPDX-License-Identifier: MIT */
/* A guest kernel from its first C line to its last. */
#include "guest/builtin/lib/acpi.h"
#include "guest/builtin/lib/exception.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"

/* Called by entry.asm with what the loader left in EAX and EBX. */
void start_c(u32 magic, uintptr_t info);

void start_c(u32 magic, uintptr_t info)
{
	struct soft_off how;
	const char *why;

	print_init();
	notrap_init();
	exception_init();
	memory_init(magic, info);
	paging_init();
	/* Under notrap a hypercall ends the machine. */
	if (!notrap_present() && acpi_soft_off(memory_rsdp, &how))
		power_set(&how);
	why = guest_main();
	if (why)
		guest_fail("%s", why);
	guest_pass();
}
