/* SPDX-License-Identifier: MIT */
/* printf-like formatting, integers and strings only. */
#ifndef ARCH_FORMAT_H
#define ARCH_FORMAT_H

#include <stdarg.h>

#include "arch/types.h"

/*
 * Format into buf, at most size bytes with the terminating zero (size 0: nothing is written).
 *
 * Knows %c %s %d %u %x %%, the flags '-' and '0', a width, and the modifiers l and ll. What it does not
 * know is copied as it stands.
 * Returns the length that the whole text has, as vsnprintf does.
 */
size_t format_args(char *buf, size_t size, const char *fmt, va_list args);

size_t format(char *buf, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
