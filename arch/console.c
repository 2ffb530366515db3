/* SPDX-License-Identifier: MIT */
/* The console: whole lines on a UART, or without one on the screen; one writer at a time. */
#include "arch/console.h"
#include "arch/format.h"
#include "arch/insn.h"
#include "arch/lock.h"
#include "arch/screen.h"
#include "arch/serial.h"

#define LINE_MAX  255
#define RING_SIZE 16384

/* Looks at the UART's status: for a line that is printed at once, for one after that was in vain, and
 * for what the guest still sends. At exits: one each. */
#define PATIENCE       10000000
#define PATIENCE_DEAD  10000
#define PATIENCE_GUEST 1000000
#define PATIENCE_EXITS 1000000

/*
 * A line goes through the ring. At once all of it, or, while the guest runs, a FIFO's worth at each
 * exit: a line of 100 characters takes 9 ms, which no exit may take, and the guest could ask for it.
 */
enum uart_state {
	UART_GUESTS,   /* or nobody's */
	UART_ASKED,    /* there are characters, and the guest's are still being sent */
	UART_OURS,     /* characters are sent */
	UART_DRAINING, /* the last ones are */
};

bool console_busy;

/* port 0: no console, or its UART is absent. */
static struct {
	struct spinlock lock;
	u16 port;
	bool deferred;
	bool dead; /* the last line that was to be printed at once was not */
	enum uart_state state;
	u32 exits; /* in that state, without a character sent */
	struct serial_saved saved;
	u32 first, next; /* in the ring: to be sent, to be filled; both only grow */
	u32 dropped;     /* lines that found no room */
	char ring[RING_SIZE];
} console;

void console_init(enum console_port port)
{
	u16 io = 0;

	if (port == CONSOLE_COM1)
		io = SERIAL_COM1;
	else if (port == CONSOLE_COM2)
		io = SERIAL_COM2;
	console.port = io && serial_init(io) ? io : 0;
}

u16 console_uart(void)
{
	return console.port;
}

static char take_char(void)
{
	return console.ring[console.first++ % RING_SIZE];
}

static bool queue(const char *text, u32 len)
{
	if (RING_SIZE - (console.next - console.first) < len)
		return false;
	for (u32 i = 0; i < len; i++)
		console.ring[(console.next + i) % RING_SIZE] = text[i];
	console.next += len;
	return true;
}

/* All that is in the ring, now. What a dead UART does not take is lost, after a bounded wait. */
static void flush(void)
{
	u32 patience = console.dead ? PATIENCE_DEAD : PATIENCE;
	u32 guests = console.dead ? PATIENCE_DEAD : PATIENCE_GUEST;

	if (console.state < UART_OURS) {
		serial_wait_idle(console.port, &guests);
		console.saved = serial_take(console.port);
	}
	while (console.first != console.next && serial_wait_room(console.port, &patience))
		serial_put(console.port, take_char());
	console.first = console.next;
	console.dead = !serial_wait_idle(console.port, &patience);
	serial_return(console.port, console.saved);
	console.state = UART_GUESTS;
	console_busy = false;
}

/* What was dropped is told as soon as there is room for that as well. */
static void queue_line(const char *line, u32 len)
{
	char note[80];
	u32 note_len = 0;

	if (console.dropped)
		note_len = (u32)format(note, sizeof(note),
				       "notrap: %u lines more than the console could take\r\n",
				       console.dropped);
	if (RING_SIZE - (console.next - console.first) < note_len + len) {
		console.dropped++;
		return;
	}
	queue(note, note_len);
	queue(line, len);
	console.dropped = 0;
}

/* The formatted text is cut so that the line with its prefix fits. */
static void write_line(const char *prefix, const char *fmt, va_list args)
{
	char line[LINE_MAX + 3];
	size_t len = format(line, LINE_MAX + 1, "notrap: %s", prefix);

	len += format_args(line + len, LINE_MAX + 1 - len, fmt, args);
	line[len++] = '\r';
	line[len++] = '\n';
	spin_lock(&console.lock);
	if (console.port) {
		queue_line(line, (u32)len);
		console_busy = true;
		if (!console.deferred)
			flush();
	} else if (!console.deferred) {
		screen_line(line, (u32)len - 2);
	}
	spin_unlock(&console.lock);
}

/* Given up: the UART does not do what it should. */
static bool gave_up(void)
{
	return ++console.exits >= PATIENCE_EXITS;
}

static void enter(enum uart_state state)
{
	console.state = state;
	console.exits = 0;
}

static void send(void)
{
	u32 room = serial_room(console.port);

	if (room)
		console.exits = 0;
	else if (gave_up())
		console.first = console.next;
	while (room-- && console.first != console.next)
		serial_put(console.port, take_char());
	if (console.first == console.next)
		enter(UART_DRAINING);
}

bool console_step(void)
{
	spin_lock(&console.lock);
	/* console_busy may have been cleared meanwhile, by a line that was printed at once. */
	if (console.state == UART_GUESTS && console_busy)
		enter(UART_ASKED);
	if (console.state == UART_ASKED && (serial_idle(console.port) || gave_up())) {
		console.saved = serial_take(console.port);
		enter(UART_OURS);
	}
	if (console.state == UART_DRAINING && console.first != console.next)
		enter(UART_OURS);
	if (console.state == UART_OURS) {
		send();
	} else if (console.state == UART_DRAINING && (serial_idle(console.port) || gave_up())) {
		serial_return(console.port, console.saved);
		enter(UART_GUESTS);
		console_busy = false;
	}
	spin_unlock(&console.lock);
	return console_busy;
}

void console_defer(bool deferred)
{
	console.deferred = deferred;
	if (!deferred && console_busy && console.port)
		flush();
}

void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_line("", fmt, args);
	va_end(args);
}

int fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_line("error: ", fmt, args);
	va_end(args);
	return -1;
}

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_line("fatal: ", fmt, args);
	va_end(args);
	halt();
}

void console_take_over(void)
{
	console.lock = (struct spinlock){0};
	console_defer(false);
}

void halt(void)
{
	console_defer(false);
	say("halted");
	for (;;) {
		cpu_cli();
		cpu_hlt();
	}
}
