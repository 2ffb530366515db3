/* SPDX-License-Identifier: MIT */
/* notrap's CPUID leaves and hypercalls, from the guest's side. */
#include "guest/builtin/lib/notrap.h"

#include "guest/builtin/lib/insn.h"
#include "mm/counters.h"

static bool present;
static u32 info;

void notrap_init(void)
{
	struct cpuid base = cpuid(NOTRAP_CPUID_BASE, 0);

	/* "notr" "apno" "trap" */
	present = base.ebx == 0x72746f6e && base.ecx == 0x6f6e7061 && base.edx == 0x70617274;
	info = present ? cpuid(NOTRAP_CPUID_INFO, 0).ebx : 0;
}

bool notrap_present(void)
{
	return present;
}

u32 notrap_info(void)
{
	return info;
}

u64 notrap_call(u32 number, u64 argument)
{
#ifdef __x86_64__
	u64 result;

	if (info & NOTRAP_INFO_SVM)
		__asm__ volatile("vmmcall" : "=a"(result) : "a"(number), "b"(argument) : "memory");
	else
		__asm__ volatile("vmcall" : "=a"(result) : "a"(number), "b"(argument) : "memory");
	return result;
#else
	u32 result;

	if (info & NOTRAP_INFO_SVM)
		__asm__ volatile("vmmcall"
				 : "=a"(result)
				 : "a"(number), "b"((u32)argument)
				 : "memory");
	else
		__asm__ volatile("vmcall"
				 : "=a"(result)
				 : "a"(number), "b"((u32)argument)
				 : "memory");
	return result;
#endif
}

u64 notrap_exits(void)
{
	return present ? notrap_call(HC_COUNTER, CNT_exits) : 0;
}
