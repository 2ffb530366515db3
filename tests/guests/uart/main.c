/* SPDX-License-Identifier: MIT */
/*
 * The UART in states that make its owner wait: what notrap prints meanwhile costs no exit more than
 * 2 M instructions, and the UART is given back as it was. On the bare machine nothing else uses it.
 *
 * The line is that of a write to a PCI register of the host bridge or the ISA bridge behind it, which
 * notrap refuses, each register with one line.
 */
#include "arch/cpu.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"

#define UART        0x3f8
#define UART_IER    1
#define UART_LCR    3
#define UART_MCR    4

#define LCR_8N1     0x03
#define LCR_DLAB    0x80

#define EXIT_MAX    2000000 /* ticks of the TSC; an instruction each in Bochs */
#define REFUSALS    64      /* that have a line: guest/chipset/chipset.h */

#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc
#define PCI_ENABLE  BIT(31)
#define ISA_BRIDGE  (1 << 11) /* 00:01.0 */

struct setting {
	const char *what;
	u16 divisor;
	u8 lcr, mcr, ier;
};

static const struct setting plain = {"plain", 1, LCR_8N1, 0x03, 0};

static const struct setting settings[] = {
	{"a slow line", 64, LCR_8N1, 0x03, 0},
	{"the slowest line, 5 bits", 0xffff, 0x00, 0x03, 0},
	{"the divisor latch open", 64, LCR_8N1 | LCR_DLAB, 0x03, 0},
	{"loopback, even parity, two stop bits", 2, 0x1f, 0x13, 0},
	{"interrupts, no modem lines", 1, LCR_8N1, 0x00, 0x06},
};

static u64 worst;

static void note(u64 ticks)
{
	if (ticks > worst)
		worst = ticks;
}

static u64 now(void)
{
	u32 lo, hi;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

static void set(const struct setting *s)
{
	out8(UART + UART_LCR, LCR_8N1 | LCR_DLAB);
	out8(UART, (u8)s->divisor);
	out8(UART + UART_IER, (u8)(s->divisor >> 8));
	out8(UART + UART_LCR, LCR_8N1);
	out8(UART + UART_IER, s->ier);
	out8(UART + UART_MCR, s->mcr);
	out8(UART + UART_LCR, s->lcr);
}

static void expect_set(const struct setting *s)
{
	u8 lcr = in8(UART + UART_LCR), mcr = in8(UART + UART_MCR), ier, low, high;

	out8(UART + UART_LCR, LCR_8N1);
	ier = in8(UART + UART_IER);
	out8(UART + UART_LCR, LCR_8N1 | LCR_DLAB);
	low = in8(UART);
	high = in8(UART + UART_IER);
	set(&plain);
	check(lcr == s->lcr && mcr == s->mcr && ier == s->ier, "%s: lcr %x mcr %x ier %x", s->what,
	      lcr, mcr, ier);
	check((low | high << 8) == s->divisor, "%s: divisor %x", s->what, low | high << 8);
}

/* The next register that is the hypervisor's to keep: all from 40h on, of the other bridge from 90h on. */
static u32 next_register(void)
{
	static u32 reg = 0x3c;

	reg += 4;
	if (reg == 0x100)
		reg = ISA_BRIDGE | 0x90;
	return reg;
}

/* One line of notrap's. On the bare machine it would change the chipset. */
static void ask(void)
{
	u64 start;

	if (!notrap_present())
		return;
	out32(PCI_ADDRESS, PCI_ENABLE | next_register());
	start = now();
	out32(PCI_DATA, ~in32(PCI_DATA));
	note(now() - start);
}

/* A line, and exits while it may still be printed. */
static void refuse(void)
{
	u64 start;

	ask();
	for (u32 i = 0; i < 20000; i++) {
		start = now();
		cpuid(0, 0);
		note(now() - start);
	}
}

const char *guest_main(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(settings); i++) {
		print_drain();
		set(&settings[i]);
		refuse();
		expect_set(&settings[i]);
	}

	/* What is being sent gets out, although it takes its time. */
	print("uart: sent slowly\n");
	print_drain();
	set(&settings[0]);
	for (const char *c = "uart: in flight\n"; *c; c++)
		out8(UART, (u8)*c);
	refuse();
	expect_set(&settings[0]);

	for (u32 i = 0; i < REFUSALS; i++)
		ask();
	check(worst < EXIT_MAX, "the longest exit took %lu ticks", worst);
	print("uart: longest exit %lu ticks\n", worst);
	return check_end("uart");
}
