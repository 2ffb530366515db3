/* SPDX-License-Identifier: MIT */
/*
 * Tries to have the machine's other CPUs run its code. On the bare machine each start gets through,
 * which shows that the attempts are sound; under notrap none may, and everything goes on.
 *
 * cpus=N on the command line: what the machine has, 1 without it. words=4: on QEMU each word of the command
 * register's 16 bytes is the register; elsewhere they are undefined. own=1 and own=2: INIT goes to its own CPU
 * first, as an IPI or as the timer's interrupt, which the bare machine does not survive; own=3: SMIs do, as the
 * local timer's.
 */
#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"

#define START_PAGE     0x8000 /* of real-mode code, named by the start-up IPI's vector */
#define IDS            16     /* local APIC IDs tried one by one */

#define APIC           0xfee00000
#define APIC_ID        (0x20 / 4)
#define APIC_SPURIOUS  (0xf0 / 4)
#define APIC_ICR_LOW   (0x300 / 4)
#define APIC_ICR_HIGH  (0x310 / 4)
#define APIC_TIMER     (0x320 / 4)
#define APIC_COUNT     (0x380 / 4)
#define SPURIOUS_ON    0x1ff
#define TIMER_SMI      0x20200 /* again and again */
#define MSR_APIC_ID    0x802

#define IO_APIC        0xfec00000
#define IO_APIC_SELECT 0
#define IO_APIC_WINDOW (0x10 / 4)
#define IO_APIC_ENTRY  0x10
#define IO_APIC_INIT   0x500

#define MSR_ICR        0x830

#define ICR_FIXED      0x04081
#define ICR_LOWEST     0x04181
#define ICR_NMI        0x04400
#define ICR_INIT       0x04500
#define ICR_DEASSERT   0x08500 /* level: to the end of INIT, on the CPUs that want it said */
#define ICR_STARTUP    (0x04600 | START_PAGE >> PAGE_SHIFT)
#define ICR_OTHERS     0xc0000

extern const u8 other_cpu[], other_cpu_marks[], other_cpu_end[];

static bool x2apic;
static volatile u32 *apic;
static u32 icr_word; /* of the 16 bytes that the command register's low half has */

/* A read of one of the PC's own ports takes about a microsecond; on an emulator, a tick. */
static void wait(u32 reads)
{
	while (reads--)
		in8(0x61);
}

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
		apic[APIC_ICR_LOW + icr_word] = icr;
	}
	wait(2000);
}

static void start(u32 to, u32 shorthand)
{
	send(to, shorthand | ICR_INIT);
	send(to, shorthand | ICR_DEASSERT);
	wait(10000);
	send(to, shorthand | ICR_STARTUP);
	send(to, shorthand | ICR_STARTUP);
	wait(2000);
}

static volatile u32 *marks(void)
{
	return ptr(START_PAGE + (u64)(other_cpu_marks - other_cpu));
}

/* Start each of the others by its ID, then all at once. */
static void start_all(void)
{
	for (u32 id = 0; id < IDS; id++)
		if (id != own_id())
			start(id, 0);
	start(0, ICR_OTHERS);
}

static void disturb(u32 to, u32 shorthand)
{
	send(to, shorthand | ICR_NMI);
	send(to, shorthand | ICR_FIXED);
	if (!x2apic)
		send(to, shorthand | ICR_LOWEST);
}

static void disturb_all(void)
{
	for (u32 round = 0; round < 3; round++) {
		for (u32 id = 0; id < IDS; id++)
			if (id != own_id())
				disturb(id, 0);
		disturb(0, ICR_OTHERS);
	}
}

/* The timer, which the BIOS has left running, is the I/O APIC's input 0 or 2. */
static void init_by_timer(void)
{
	volatile u32 *io_apic = ptr(IO_APIC);

	map_identity(IO_APIC, PAGE_SIZE);
	for (u32 input = 0; input <= 2; input += 2) {
		io_apic[IO_APIC_SELECT] = IO_APIC_ENTRY + 2 * input + 1;
		io_apic[IO_APIC_WINDOW] = own_id() << 24;
		io_apic[IO_APIC_SELECT] = IO_APIC_ENTRY + 2 * input;
		io_apic[IO_APIC_WINDOW] = IO_APIC_INIT;
	}
	wait(400000);
}

static void smi_by_local_timer(void)
{
	apic[APIC_SPURIOUS] = SPURIOUS_ON;
	apic[APIC_TIMER] = TIMER_SMI;
	apic[APIC_COUNT] = 100000;
	wait(400000);
	apic[APIC_COUNT] = 0;
}

static const char *try_all(const char *mode, u32 others)
{
	u32 expected = notrap_present() ? 0 : 2 * others;

	*marks() = 0;
	start_all();
	print("smp: %s: other CPUs have run guest code %u times\n", mode, *marks());
	if (*marks() != expected)
		return notrap_present() ? "another CPU has left the hypervisor"
					: "another CPU did not start";
	/* In the real mode that they are in now, NMIs would be the BIOS's. */
	if (!notrap_present())
		return NULL;
	disturb_all();
	for (icr_word = 0; icr_word < (x2apic ? 1 : guest_option_number("words", 1)); icr_word++)
		start_all();
	icr_word = 0;
	return *marks() ? "another CPU has left the hypervisor after an NMI" : NULL;
}

const char *guest_main(void)
{
	u32 others = guest_option_number("cpus", 1) - 1;
	const char *why;

	if (!memory_is_ram(START_PAGE, START_PAGE + PAGE_SIZE))
		return "no RAM where the other CPUs were to start";
	memcpy(ptr(START_PAGE), other_cpu, (size_t)(other_cpu_end - other_cpu));
	map_identity(APIC, PAGE_SIZE);
	apic = ptr(APIC);
	if (guest_option_number("own", 0) == 1)
		send(own_id(), ICR_INIT);
	if (guest_option_number("own", 0) == 2)
		init_by_timer();
	if (guest_option_number("own", 0) == 3)
		smi_by_local_timer();
	why = try_all("xAPIC", others);
	if (why || !(cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC))
		return why;
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
	x2apic = true;
	return try_all("x2APIC", others);
}
