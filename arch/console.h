/* SPDX-License-Identifier: MIT */
/* The console: whole lines only, each with the prefix "notrap: ". */
#ifndef ARCH_CONSOLE_H
#define ARCH_CONSOLE_H

#include "arch/types.h"

/*
 * Where the console goes.
 *
 * COM ports run at 115200 baud, 8n1. With CONSOLE_NONE, and where the port is absent, lines go to the
 * text screen (arch/screen.h) but while the guest runs, when they are lost.
 */
enum console_port { CONSOLE_NONE, CONSOLE_COM1, CONSOLE_COM2 };

/* Select and program the console's port; lines said before are lost. */
void console_init(enum console_port port);

/*
 * Print one line, "notrap: " before it and CR LF after it.
 *
 * Knows %s %c %d %u %x %% with widths, zero padding, '-' and the l and ll modifiers; a line
 * longer than 255 characters is cut. Line-atomic across CPUs.
 */
void say(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * Print one line, "notrap: error: " before it: what, where, and what to do.
 *
 * Returns -1, so that a function can end with "return fail(...)".
 */
int fail(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * Print one line, "notrap: fatal: " before it, then halt this machine for good
 * (the last line on the console is "notrap: halted").
 */
NORETURN void die(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * While the guest runs: lines wait, and console_step() prints them. When `deferred` ends all that wait
 * are printed, and each later one at once, to its last character.
 */
void console_defer(bool deferred);

/* A line waits: console_step() is to be called at each exit. */
extern bool console_busy;

/*
 * One step of printing, which takes no longer than the few port accesses that it is: a FIFO's worth of
 * characters when there is room. Until it returns false the UART's eight ports from console_uart() on
 * are not the guest's to use.
 */
bool console_step(void);
u16 console_uart(void);

/* For a crash record: take the lock from whoever holds it, which may be the crashed code itself. */
void console_take_over(void);

/* Print all that waits and the line "notrap: halted", and stop this CPU with interrupts off. */
NORETURN void halt(void);

#endif
