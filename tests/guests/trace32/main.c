/* SPDX-License-Identifier: MIT */
/*
 * Exceptions around instructions that a hypervisor carries out, as tests/guests/trace has them for 64-bit
 * code: in protected mode without paging, on two-level and on PAE tables, and (v86=0: not) in virtual-8086
 * mode; v86=2: in that alone. tcg=1: on QEMU's TCG.
 */
#include "tests/guests/trace32/trace32.h"

#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"
#include "tests/guests/trace32/segments.h"

#define STACK 16384

u32 buffer[16] __attribute__((aligned(64)));
bool on_tcg;

const char *guest_main(void)
{
	static const char *const names[] = {"no paging", "two levels", "PAE"};
	u32 v86 = guest_option_number("v86", 1);

	segments_init((u32)page_alloc(STACK / PAGE_SIZE, PAGE_SIZE) + STACK);
	trace_init();
	on_tcg = guest_option_number("tcg", 0);
	/* The loader may have left the caches off. */
	write_cr0(read_cr0() & ~(reg)(CR0_CD | CR0_NW));
	for (u32 mode = PAGING_OFF; mode <= PAGING_PAE; mode++) {
		paging_switch((enum paging)mode);
		print("trace: == %s\n", names[mode]);
		if (v86 != 2)
			test_protected();
		if (v86 != 2 && mode != PAGING_OFF)
			test_tables();
		if (v86)
			test_v86();
	}
	paging_switch(PAGING_OFF);
	return check_end("trace32");
}
