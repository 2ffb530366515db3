/* SPDX-License-Identifier: MIT */
/* A guest kernel's output: COM1, 115200 baud, 8n1. */
#ifndef GUEST_LIB_PRINT_H
#define GUEST_LIB_PRINT_H

#include "arch/types.h"

/* Program the port, once what is still in it has left. */
void print_init(void);

/*
 * Print to the port; "\n" becomes CR LF.
 *
 * Knows %s %c %d %u %x %p %% with widths, zero padding, '-' and the l and ll modifiers.
 */
void print(const char *fmt, ...) PRINTF_LIKE(1, 2);
void vprint(const char *fmt, __builtin_va_list ap);

/* Wait until the last character has left the port. */
void print_drain(void);

#endif
