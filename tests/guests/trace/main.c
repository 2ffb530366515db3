/* SPDX-License-Identifier: MIT */
/*
 * Exceptions around instructions that a hypervisor carries out: its lines are the same on the bare
 * machine and under notrap. Command line: part=debug|registers|resume|storm|steps|odd|odd-io; tcg=1 on QEMU's TCG.
 */
#include "tests/guests/trace/trace.h"

#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/test.h"

const char *guest_main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} parts[] = {
		{"debug", trace_debug}, {"registers", trace_registers}, {"resume", trace_resume},
		{"storm", trace_storm}, {"steps", trace_steps},         {"odd-io", trace_odd_io},
		{"odd", trace_odd},
	};
	const char *part = guest_option("part");

	on_tcg = guest_option_number("tcg", 0);
	trace_init();
	for (u32 i = 0; part && i < ARRAY_SIZE(parts); i++) {
		if (memcmp(part, parts[i].name, strlen(parts[i].name)))
			continue;
		parts[i].run();
		return check_end("trace");
	}
	return "part= is none of debug, registers, resume, storm, steps, odd, odd-io";
}
