/* SPDX-License-Identifier: MIT */
/* The console: whole lines on a UART, one writer at a time. */
#include "arch/console.h"
#include "arch/format.h"
#include "arch/insn.h"
#include "arch/lock.h"
#include "arch/serial.h"

#define LINE_MAX 255

/* port 0: no console, or its UART is absent or dead. */
static struct {
	struct spinlock lock;
	u16 port;
} console;

u64 console_ticks;

void console_init(enum console_port port)
{
	u16 io = 0;

	if (port == CONSOLE_COM1)
		io = SERIAL_COM1;
	else if (port == CONSOLE_COM2)
		io = SERIAL_COM2;
	console.port = io && serial_init(io) ? io : 0;
}

static bool write_text(const char *text)
{
	while (*text) {
		if (!serial_put(console.port, *text++))
			return false;
	}
	return true;
}

/* The formatted text is cut so that the line with its prefix fits. */
static void write_line(const char *prefix, const char *fmt, va_list args)
{
	char line[LINE_MAX + 1];
	size_t len = format(line, sizeof(line), "notrap: %s", prefix);
	struct serial_saved saved;
	u64 start = rdtsc();

	format_args(line + len, sizeof(line) - len, fmt, args);
	spin_lock(&console.lock);
	if (console.port) {
		saved = serial_take(console.port);
		if (write_text(line) && write_text("\r\n"))
			serial_return(console.port, saved);
		else
			console.port = 0;
	}
	console_ticks += rdtsc() - start;
	spin_unlock(&console.lock);
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

void console_drain(void)
{
	if (console.port)
		serial_drain(console.port);
}

void console_take_over(void)
{
	console.lock = (struct spinlock){0};
}

void halt(void)
{
	say("halted");
	console_drain();
	for (;;) {
		cpu_cli();
		cpu_hlt();
	}
}
