/* SPDX-License-Identifier: MIT */
/* Physical address bits: SDM vol. 3A 4.1.4, vol. 4 table 2-2 (IA32_TME_ACTIVATE). */
#include "guest/start/steps.h"

#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/safe.h"

#define BITS_DEFAULT 36 /* of a CPU that does not say: SDM vol. 3A 4.1.4 */

/* The KeyIDs that TDX has for itself are among them. */
#define TME_KEYID_BITS(activate) ((activate) >> 32 & 15)

u8 phys_bits_without_keys(u8 maxphyaddr, bool tme, u64 tme_activate)
{
	return tme ? maxphyaddr - TME_KEYID_BITS(tme_activate) : maxphyaddr;
}

u8 phys_bits(void)
{
	bool tme = cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ecx & CPUID_7_0_ECX_TME);
	u64 activate = 0;

	if (cpuid(0x80000000, 0).eax < 0x80000008)
		return BITS_DEFAULT;
	if (tme)
		rdmsr_safe(MSR_TME_ACTIVATE, &activate);
	return phys_bits_without_keys(cpuid(0x80000008, 0).eax & 0xff, tme, activate);
}
