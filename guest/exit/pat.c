/* SPDX-License-Identifier: MIT */
/*
 * The PAT that guest and hypervisor share. Entry 0 stays write-back in hardware, and entry 3 uncached: so
 * they are after a reset, and so every known system leaves them. One that does not reads back what it wrote,
 * gets the other six, and is told in a line; memory and devices stay coherent in that. An exit need not
 * switch the PAT.
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
#define ENTRY_3 GENMASK(31, 24)

/*
 * What the hardware gets for a guest's value: all mappings of the hypervisor's are by entry 0, but for an IOMMU's
 * registers, by entry 3 (map_uncached()). Write-combining is stronger than what MTRRs say of registers.
 */
static u64 for_both(u64 value)
{
	return (value & ~(ENTRY_0 | ENTRY_3)) | MEMTYPE_WB | (u64)MEMTYPE_UC << 24;
}

/* WRMSR itself raises #GP for the other entries. */
static bool is_valid(u64 entry)
{
	u32 type = entry & 0xff;

	/* UC, WC, WT, WP, WB, UC-. */
	return type < 8 && type != 2 && type != 3;
}

void pat_intercept(struct vcpu *v)
{
	struct machine *m = v->machine;

	if (!v->ops->shares_pat(v) || !rdmsr_safe(MSR_PAT, &m->guest_pat))
		return;
	v->ops->intercept_msr(v, MSR_PAT, true, true);
	wrmsr_safe(MSR_PAT, for_both(m->guest_pat));
}

u64 pat_read(const struct vcpu *v)
{
	return v->machine->guest_pat;
}

bool pat_write(struct vcpu *v, u64 value)
{
	struct machine *m = v->machine;

	if (!is_valid(value) || !is_valid(value >> 24) || !wrmsr_safe(MSR_PAT, for_both(value)))
		return false;
	m->guest_pat = value;
	if (for_both(value) != value && machine_may_say(m, LINE_PAT))
		say("the guest writes %lx to its PAT: entry 0 stays write-back, and entry 3 uncached, as this "
		    "CPU has one PAT for the guest and notrap",
		    value);
	return true;
}
