/* SPDX-License-Identifier: MIT */
/* The local APIC, by its registers in memory (xAPIC) or by MSRs (x2APIC). */
#include "guest/cpus/apic.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/safe.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"

/* Offsets in the APIC's page; an x2APIC's MSR is MSR_X2APIC_FIRST + offset / 16. */
#define APIC_ID       0x20
#define APIC_ICR_LOW  0x300
#define APIC_ICR_HIGH 0x310

#define ICR_PENDING   BIT(12)
#define PATIENCE      1000000 /* reads of the APIC; sending takes some tens */

static bool is_x2apic(void)
{
	return rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC;
}

static u64 base(void)
{
	return rdmsr(MSR_APIC_BASE) & GENMASK(51, 12);
}

static volatile u32 *reg(u32 offset)
{
	return phys_ptr(base() + offset);
}

int apic_check(void)
{
	u64 value;

	if (!rdmsr_safe(MSR_APIC_BASE, &value) || !(value & APIC_BASE_ENABLE))
		return fail("this CPU's local APIC is switched off, so that other CPUs cannot be "
			    "kept from the guest: switch it on in the firmware's set-up");
	if (!is_x2apic() && base() + PAGE_SIZE > map_end())
		return fail("the local APIC is at %lx, out of notrap's reach", base());
	return 0;
}

u32 apic_id(void)
{
	return is_x2apic() ? (u32)rdmsr(MSR_X2APIC_FIRST + APIC_ID / 16) : *reg(APIC_ID) >> 24;
}

void apic_send_to(u32 id, u32 icr)
{
	if (is_x2apic()) {
		/* Unlike a store to the APIC's page, WRMSR does not wait for stores before it. */
		mfence();
		wrmsr(MSR_X2APIC_FIRST + APIC_ICR_LOW / 16, (u64)id << 32 | icr);
		return;
	}
	*reg(APIC_ICR_HIGH) = id << 24;
	*reg(APIC_ICR_LOW) = icr;
	for (u32 i = 0; i < PATIENCE && (*reg(APIC_ICR_LOW) & ICR_PENDING); i++)
		cpu_pause();
}
