/* SPDX-License-Identifier: MIT */
/* The console on a model of a UART, whatever its other owner has done to it: arch/console.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail

#include "arch/types.h"

/* In the place of arch/insn.h. */
#define ARCH_INSN_H
static u8 in8(u16 port);
static void out8(u16 port, u8 v);
static inline void cpu_pause(void)
{
}
static inline void cpu_cli(void)
{
}
static void cpu_hlt(void)
{
	exit(2);
}
static inline u32 xadd32(volatile u32 *p, u32 v)
{
	return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
}
static inline void barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#include "arch/console.c"
#include "arch/serial.c"

/* Port accesses per character at 115200 baud: a microsecond each. */
#define CHAR_TIME 87
#define UART      SERIAL_COM1

/* A 16550 that sends to `sent`; time is the number of accesses. */
static struct {
	u8 ier, lcr, mcr, scr;
	u16 divisor;
	bool fifo, stuck; /* stuck: nothing is ever sent */
	char queue[16];
	u32 queued;
	u64 now, shifted; /* when the character in the shift register is out; 0: none */
	char sent[65536];
	u32 nr_sent;
	u32 overruns;
} uart;

static void shift(void)
{
	while (!uart.stuck && !(uart.mcr & 0x20) && uart.queued &&
	       uart.now >= uart.shifted + (u64)CHAR_TIME * uart.divisor) {
		if (!(uart.mcr & 0x10) && uart.nr_sent < sizeof(uart.sent) - 1)
			uart.sent[uart.nr_sent++] = uart.queue[0];
		memmove(uart.queue, uart.queue + 1, --uart.queued);
		uart.shifted += (u64)CHAR_TIME * uart.divisor;
	}
	if (!uart.queued)
		uart.shifted = uart.now;
}

static u8 in8(u16 port)
{
	bool dlab = uart.lcr & 0x80;

	uart.now++;
	shift();
	switch (port - UART) {
	case 0:
		return dlab ? (u8)uart.divisor : 0;
	case 1:
		return dlab ? uart.divisor >> 8 : uart.ier;
	case 2:
		return uart.fifo ? 0xc1 : 1;
	case 3:
		return uart.lcr;
	case 4:
		return uart.mcr;
	case 5:
		return uart.queued ? 0 : 0x60;
	case 7:
		return uart.scr;
	}
	return 0xff;
}

static void out8(u16 port, u8 v)
{
	bool dlab = uart.lcr & 0x80;

	uart.now++;
	shift();
	switch (port - UART) {
	case 0:
		if (dlab)
			uart.divisor = (u16)((uart.divisor & 0xff00) | v);
		else if (uart.queued < (uart.fifo ? 16U : 1U))
			uart.queue[uart.queued++] = (char)v;
		else
			uart.overruns++;
		break;
	case 1:
		if (dlab)
			uart.divisor = (u16)((uart.divisor & 0xff) | v << 8);
		else
			uart.ier = v;
		break;
	case 2:
		uart.fifo = v & 1;
		break;
	case 3:
		uart.lcr = v;
		break;
	case 4:
		uart.mcr = v;
		break;
	case 7:
		uart.scr = v;
		break;
	}
}

static int set_up(void **state)
{
	(void)state;
	memset(&uart, 0, sizeof(uart));
	memset(&console, 0, sizeof(console));
	console_busy = false;
	uart.divisor = 1;
	console_init(CONSOLE_COM1);
	assert_int_equal(console.port, UART);
	return 0;
}

/* Steps until the UART is given back; the longest in port accesses. */
static u64 steps(u32 *nr)
{
	u64 longest = 0, start;
	bool more;

	*nr = 0;
	do {
		start = uart.now;
		more = console_step();
		if (uart.now - start > longest)
			longest = uart.now - start;
		(*nr)++;
		uart.now += 300; /* the guest's own time between two exits */
	} while (more && *nr < 5000000);
	return longest;
}

static void at_once(void **state)
{
	(void)state;
	say("one %u", 1U);
	assert_string_equal(uart.sent, "notrap: one 1\r\n");
	assert_int_equal(uart.overruns, 0);
	assert_false(console_busy);
}

/* Each state is the same after, and costs no step more than a FIFO's accesses. */
static void states_of_the_guest(void **state)
{
	static const struct {
		u16 divisor;
		u8 lcr, mcr, ier;
		bool fifo;
	} guests[] = {
		{1, 0x03, 0x0b, 0x0f, true}, {64, 0x03, 0x03, 0, true},
		{65535, 0x00, 0, 0, false},  {64, 0x83, 0x03, 0, true},
		{0, 0x1f, 0x13, 0x02, true}, {2, 0x43, 0x23, 0, false},
	};

	for (u32 i = 0; i < ARRAY_SIZE(guests); i++) {
		u32 nr;

		set_up(state);
		console_defer(true);
		uart.divisor = guests[i].divisor;
		uart.lcr = guests[i].lcr;
		uart.mcr = guests[i].mcr;
		uart.ier = guests[i].ier;
		uart.fifo = guests[i].fifo;
		say("a line of some length, as the guest may ask for");
		assert_int_equal(uart.nr_sent, 0);
		assert_true(console_busy);
		assert_in_range(steps(&nr), 1, 50);
		assert_in_range(nr, 3, 10000);
		assert_string_equal(uart.sent,
				    "notrap: a line of some length, as the guest may ask for\r\n");
		assert_int_equal(uart.divisor, guests[i].divisor);
		assert_int_equal(uart.lcr, guests[i].lcr);
		assert_int_equal(uart.mcr, guests[i].mcr);
		assert_int_equal(uart.ier, guests[i].ier);
		assert_int_equal(uart.fifo, guests[i].fifo);
		assert_int_equal(uart.overruns, 0);
	}
}

/* What the guest has in the transmitter leaves at its own speed first. */
static void in_flight(void **state)
{
	u32 nr;

	(void)state;
	console_defer(true);
	uart.divisor = 64;
	for (const char *c = "slow\n"; *c; c++)
		out8(UART, (u8)*c);
	say("after");
	assert_in_range(steps(&nr), 1, 50);
	assert_string_equal(uart.sent, "slow\nnotrap: after\r\n");
}

/* A UART that sends nothing: steps end, and printing at once does, sooner the second time. */
static void stuck(void **state)
{
	u64 first, second;
	u32 nr;

	(void)state;
	console_defer(true);
	uart.stuck = true;
	out8(UART, 'x');
	say("lost");
	assert_in_range(steps(&nr), 1, 50);
	assert_in_range(nr, 2, 4 * PATIENCE_EXITS);
	assert_false(console_busy);
	console_defer(false);
	first = uart.now;
	say("lost");
	first = uart.now - first;
	second = uart.now;
	say("lost");
	second = uart.now - second;
	assert_in_range(first, PATIENCE, PATIENCE + PATIENCE_GUEST + 100);
	assert_in_range(second, 1, 3 * PATIENCE_DEAD);
	/* It comes back. */
	uart.stuck = false;
	uart.now += 100 * CHAR_TIME;
	say("here");
	assert_non_null(strstr(uart.sent, "notrap: here\r\n"));
}

/* More lines than there is room for: whole lines, and one that says how many are missing. */
static void a_flood(void **state)
{
	u32 nr, lines = 0, dropped;
	const char *note;

	(void)state;
	console_defer(true);
	for (u32 i = 0; i < 2000; i++)
		say("flood %u", i);
	dropped = console.dropped;
	assert_in_range(dropped, 1, 1999);
	assert_in_range(steps(&nr), 1, 50);
	say("later");
	steps(&nr);
	for (const char *c = uart.sent; (c = strstr(c, "notrap: flood ")); c++)
		lines++;
	assert_int_equal(lines + dropped, 2000);
	note = strstr(uart.sent, " lines more than the console could take\r\nnotrap: later\r\n");
	assert_non_null(note);
}

/* What waits comes first when lines are printed at once again, half sent or not. */
static void at_the_end(void **state)
{
	(void)state;
	console_defer(true);
	say("first, and long enough for more than one step");
	console_step();
	say("second");
	console_defer(false);
	say("third");
	assert_string_equal(uart.sent, "notrap: first, and long enough for more than one step\r\n"
				       "notrap: second\r\nnotrap: third\r\n");
	assert_int_equal(uart.overruns, 0);
	assert_false(console_busy);
	/* Who still holds the ports for it is told so, and nothing is taken again. */
	console_defer(true);
	assert_false(console_step());
	assert_int_equal(console.state, UART_GUESTS);
}

/* Row `row` of a screen of ten columns. */
static const char *row_of(const u16 *cells, u32 row)
{
	static char text[11];

	for (u32 i = 0; i < 10; i++)
		text[i] = (char)(cells[row * 10 + i] & 0xff);
	return text;
}

/* Without a UART lines go to the screen, but while the guest has it; a long one takes more rows. */
static void no_uart(void **state)
{
	u16 cells[10 * 4 + 1];

	(void)state;
	for (u32 i = 0; i < 41; i++)
		cells[i] = 0x0700 | '.';
	console_init(CONSOLE_NONE);
	say("nowhere");
	screen_init(cells, 10, 4);
	say("a");
	assert_string_equal(row_of(cells, 2), "..........");
	assert_string_equal(row_of(cells, 3), "notrap: a ");
	console_defer(true);
	say("lost");
	console_defer(false);
	fail("it");
	assert_string_equal(row_of(cells, 1), "notrap: a ");
	assert_string_equal(row_of(cells, 2), "notrap: er");
	assert_string_equal(row_of(cells, 3), "ror: it   ");
	assert_int_equal(cells[40], 0x0700 | '.');
	assert_int_equal(uart.nr_sent, 0);
	screen_init(NULL, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(at_once, set_up),
		cmocka_unit_test_setup(states_of_the_guest, set_up),
		cmocka_unit_test_setup(in_flight, set_up),
		cmocka_unit_test_setup(stuck, set_up),
		cmocka_unit_test_setup(a_flood, set_up),
		cmocka_unit_test_setup(at_the_end, set_up),
		cmocka_unit_test_setup(no_uart, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
