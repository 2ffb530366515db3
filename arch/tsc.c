/* SPDX-License-Identifier: MIT */
/* The rate of the time-stamp counter: Intel 8254 data sheet, mode 0; SDM vol. 2A, CPUID leaf 16h. */
#include "arch/tsc.h"

#include "arch/insn.h"

#define PIT_HZ       1193182
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND  0x43
#define PIT_MODE0    0xb0 /* channel 2, low byte then high byte, interrupt on terminal count */
#define PORT_B       0x61
#define PORT_B_GATE2 BIT(0)
#define PORT_B_SPEAK BIT(1)
#define PORT_B_OUT2  BIT(5)

#define MEASURE_HZ   100
/* More port reads than any machine makes in 10 ms. */
#define READS_MAX 1000000

static u64 base_hz(void)
{
	if (cpuid(0, 0).eax < 0x16)
		return 0;
	return (cpuid(0x16, 0).eax & 0xffff) * 1000000ULL;
}

u64 tsc_hz(void)
{
	u16 count = PIT_HZ / MEASURE_HZ;
	u8 before = in8(PORT_B);
	u32 reads = 0;
	u64 start;

	out8(PORT_B, (before & ~PORT_B_SPEAK) | PORT_B_GATE2);
	out8(PIT_COMMAND, PIT_MODE0);
	out8(PIT_CHANNEL2, (u8)count);
	out8(PIT_CHANNEL2, count >> 8);
	start = rdtsc();
	while (!(in8(PORT_B) & PORT_B_OUT2) && ++reads < READS_MAX)
		;
	start = rdtsc() - start;
	out8(PORT_B, before);
	/* High at the first read: there is no counter. */
	return reads > 1 && reads < READS_MAX ? start * MEASURE_HZ : base_hz();
}
