/* SPDX-License-Identifier: MIT */
/* What a CPU does that is parked, from its first line of C on. */
#include "guest/cpus/ap.h"

#include "arch/cpu.h"
#include "arch/desc.h"
#include "arch/insn.h"
#include "arch/io.h"
#include "arch/string.h"
#include "guest/cpus/apic.h"

/* Called by guest/cpus/ap.asm. */
NORETURN void ap_main(void);

struct aps aps;
volatile u32 ap_arrived, ap_lock;
u8 *ap_stack_top;

bool ap_prepare_next(void)
{
	struct ap *next = aps.ap + aps.parked;

	aps.full = next == aps.end;
	if (aps.full)
		return false;
	memset(next, 0, offsetof(struct ap, smm));
	ap_stack_top = next->stacks.main + sizeof(next->stacks.main);
	return true;
}

static NORETURN void stay(void)
{
	for (;;) {
		cpu_cli();
		cpu_hlt();
	}
}

/* A CPU that has just come, on its own stack, with the lock. */
void ap_main(void)
{
	struct ap *ap = aps.ap + aps.parked;

	ap->cpu.id = aps.parked + 1;
	ap->cpu.stacks = &ap->stacks;
	desc_init(&ap->cpu);
	write_cr4(aps.cr4);
	write_cr0(aps.cr0);
	if (apic_check() < 0) {
		aps.failed = true;
		stay();
	}
	smm_base_move(ap->smm, aps.ops->amd);
	if (aps.ops->enable(ap->page) < 0) {
		aps.failed = true;
		stay();
	}
	while (!aps.ops->block_init(aps.way))
		aps.way++;
	ap->apic_id = apic_id();
	ap->cpu.parked = true;
	barrier();
	aps.parked++;
	if (ap_prepare_next()) {
		barrier();
		ap_lock = 0;
	}
	while (!aps.settled) {
		ap->beats++;
		cpu_pause();
	}
	stay();
}
