/* SPDX-License-Identifier: MIT */
/* The PC's text screen, for a machine without a serial port, until the guest has it. */
#ifndef ARCH_SCREEN_H
#define ARCH_SCREEN_H

#include "arch/types.h"

/*
 * Where the screen is: rows of cells, a character and its colours each (VGA text mode). Before this
 * call, and after one with NULL, lines are lost.
 */
void screen_init(u16 *cells, u32 columns, u32 rows);

/* Print `len` characters, printable ones, as the screen's last line or lines; the others move up. */
void screen_line(const char *text, u32 len);

#endif
