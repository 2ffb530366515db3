/* SPDX-License-Identifier: MIT */
/*
 * The PAT that guest and hypervisor share. Entry 0 stays write-back in hardware: so it is after a
 * reset, and so every system that we know of leaves it. One that does not reads back what it wrote, gets
 * the other seven, and is told in a line that pages of entry 0 are write-back; memory and devices stay
 * coherent in that. Nothing is paid for at an exit.
 */
#include "guest/exit/handlers.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/safe.h"
#include "guest/exit/exit.h"
#include "guest/machine/backend.h"
#include "guest/machine/machine.h"
#include "guest/machine/memtype.h"

#define ENTRY_0 GENMASK(7, 0)

/* What the hardware gets for a guest's value: all mappings of the hypervisor's are by entry 0. */
static u64 for_both(u64 value)
{
	return (value & ~ENTRY_0) | MEMTYPE_WB;
}

/* WRMSR itself raises #GP for the other entries. */
static bool entry_0_is_valid(u64 value)
{
	u32 type = value & ENTRY_0;

	/* UC, WC, WT, WP, WB, UC-. */
	return type < 8 && type != 2 && type != 3;
}

void pat_intercept(struct vcpu *v)
{
	struct machine *machine = v->machine;

	if (!v->ops->shares_pat(v) || !rdmsr_safe(MSR_PAT, &machine->guest_pat))
		return;
	v->ops->intercept_msr(v, MSR_PAT, true, true);
	wrmsr_safe(MSR_PAT, for_both(machine->guest_pat));
}

u64 pat_read(const struct vcpu *v)
{
	return v->machine->guest_pat;
}

bool pat_write(struct vcpu *v, u64 value)
{
	struct machine *machine = v->machine;

	if (!entry_0_is_valid(value) || !wrmsr_safe(MSR_PAT, for_both(value)))
		return false;
	machine->guest_pat = value;
	if (for_both(value) != value && machine_may_say(machine, LINE_PAT))
		say("the guest writes %lx to its PAT: entry 0 stays write-back, as this CPU has one PAT "
		    "for the guest and notrap",
		    value);
	return true;
}
