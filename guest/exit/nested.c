/* SPDX-License-Identifier: MIT */
/* Nested page faults: the tables are filled as the guest uses its memory. */
#include "arch/console.h"
#include "guest/chipset/chipset.h"
#include "guest/exit/handlers.h"
#include "guest/machine/hidden.h"
#include "guest/machine/machine.h"
#include "guest/vcpu/crash.h"
#include "guest/vcpu/inject.h"

/* As the page fault handler has it; there is no linear address to fault with. */
static void watched_fault(struct vcpu *v, const struct vmexit *exit)
{
	struct mmu_fault fault = {.gpa = exit->npf.gpa, .pfec = PFEC_W};

	if (v->ops->cpl(v) == 3)
		fault.pfec |= PFEC_U;
	if (exit->vectoring.type == EVENT_NONE && emulate_watched_write(v, &fault))
		return;
	watched_unknown(v->machine, exit->npf.gpa, v->rip);
	if (exit->vectoring.type == EVENT_NONE)
		inject_gp(v);
	else
		inject_pf(v, 0, fault.pfec | PFEC_P, &exit->vectoring);
}

void handle_nested_fault(struct vcpu *v, const struct vmexit *exit)
{
	bool flush = false;

	set_saved_rf(v, exit);
	if (exit->npf.write && is_watched(v->machine, exit->npf.gpa)) {
		watched_fault(v, exit);
		return;
	}
	if (nested_fault(v->machine->nested, &v->counters, exit->npf.gpa, &flush) < 0) {
		fail("the guest uses physical address %lx at rip %lx: it has no more bits than its CPUID "
		     "says; where those are %u, mmu=shadow maps more",
		     exit->npf.gpa, v->rip, NESTED_BITS);
		guest_crashed(v);
	}
	if (flush) {
		v->mmu.hw.flush = MMU_FLUSH_ALL;
		v->mmu.hw.due = true;
	}
	same_again(v, exit);
	reinject(v, &exit->vectoring);
}
