/* SPDX-License-Identifier: MIT */
/*
 * Puts code of its own where a CPU goes on at an SMI whose SMM base is that of a reset, and sends SMIs: to each
 * CPU by its ID, its own among them, and to all others at once. On the bare machine the other CPUs run it,
 * which shows that the attempts are sound; under notrap none may, and everything goes on.
 *
 * cpus=N on the command line: what the machine has.
 */
#include "arch/cpu.h"
#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"

#define BASE          0x30000 /* SDM vol. 3C 32.4, 32.11 */
#define SIZE          0x10000
#define ENTRY         (BASE + 0x8000)
#define RAN_AT        (BASE + 0x9000) /* smm.asm counts there */

#define IDS           16 /* local APIC IDs tried one by one */

#define APIC          0xfee00000
#define APIC_ID       (0x20 / 4)
#define APIC_ICR_LOW  (0x300 / 4)
#define APIC_ICR_HIGH (0x310 / 4)
#define MSR_APIC_ID   0x802
#define MSR_ICR       0x830

#define ICR_SMI       0x04200
#define ICR_NMI       0x04400
#define ICR_OTHERS    0xc0000

extern const u8 smm_code[], smm_code_end[];

static bool x2apic;
static volatile u32 *apic;

static u32 own_id(void)
{
	return x2apic ? (u32)rdmsr(MSR_APIC_ID) : apic[APIC_ID] >> 24;
}

static void send(u32 to, u32 icr)
{
	if (x2apic) {
		wrmsr(MSR_ICR, (u64)to << 32 | icr);
	} else {
		apic[APIC_ICR_HIGH] = to << 24;
		apic[APIC_ICR_LOW] = icr;
	}
	/* A read of one of the PC's own ports takes about a microsecond; on an emulator, a tick. */
	for (u32 i = 0; i < 20000; i++)
		in8(0x61);
}

static const char *try_all(const char *mode, u32 others)
{
	volatile u32 *ran = ptr(RAN_AT);

	memset(ptr(BASE), 0, SIZE);
	memcpy(ptr(ENTRY), smm_code, (size_t)(smm_code_end - smm_code));
	for (u32 id = 0; id < IDS; id++)
		if (id != own_id())
			send(id, ICR_SMI);
	/* With several at one base their states would be one: not on the bare machine. */
	if (notrap_present())
		send(own_id(), ICR_SMI);
	if (notrap_present() || others == 1)
		send(0, ICR_SMI | ICR_OTHERS);
	/* Those that are parked are where they were: notrap counts it. */
	if (notrap_present())
		send(0, ICR_NMI | ICR_OTHERS);
	print("smbase: %s: code in RAM has run in SMM %u times\n", mode, *ran);
	if (notrap_present())
		return *ran ? "a CPU has run the guest's code in SMM" : NULL;
	return *ran != others + (others == 1) ? "a CPU did not come" : NULL;
}

const char *guest_main(void)
{
	u32 others = guest_option_number("cpus", 1) - 1;
	const char *why;

	if (!memory_is_ram(BASE, BASE + SIZE))
		return "no RAM where a reset's SMM base is";
	map_identity(APIC, PAGE_SIZE);
	apic = ptr(APIC);
	why = try_all("xAPIC", others);
	if (why || !notrap_present() || !(cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC))
		return why;
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
	x2apic = true;
	return try_all("x2APIC", others);
}
