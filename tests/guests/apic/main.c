/* SPDX-License-Identifier: MIT */
/*
 * The local APIC where the hypervisor does not reach it, and events that are cut while it is there: the
 * stack that they go to is in the guest's tables, and not yet in the shadow tables.
 */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"

#define FAR_AWAY 0x1000000000ULL /* 64 GiB */
#define STACK_VA 0x20000000000ULL
#define ROUNDS   8

/* Put the stack at RDI, let interrupts in, of which there are none, and INT 80h. */
extern const u8 cut_event[];

static u64 fresh_stack(u32 nr)
{
	u64 va = STACK_VA + nr * MIB(4);

	*entry_of(paging_root, va, 1) = page_alloc(1, PAGE_SIZE) | PTE_P | PTE_W;
	return va + PAGE_SIZE;
}

const char *guest_main(void)
{
	u64 old = rdmsr(MSR_APIC_BASE);

	/* The 8259As. */
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
	wrmsr(MSR_APIC_BASE, FAR_AWAY | (old & 0xfff));
	print("apic: base %lx\n", rdmsr(MSR_APIC_BASE));
	for (u32 i = 0; i < ROUNDS; i++) {
		struct probe got = probe_run((uintptr_t)cut_event, false, fresh_stack(i), 0, 0);

		check(got.vector == VECTOR_DONE, "INT 80h: vector %u", got.vector);
	}
	wrmsr(MSR_APIC_BASE, old);
	return check_end("apic");
}
