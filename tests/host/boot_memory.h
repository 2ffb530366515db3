/* SPDX-License-Identifier: MIT */
/*
 * Where a boot loader's information lies: `low` from 0 on, again and again; one block at INFO, of exactly its
 * size, so that the address sanitizer sees a read past its end; and the last bytes below 4 GiB, `top`, with
 * nothing behind them.
 */
#ifndef TESTS_HOST_BOOT_MEMORY_H
#define TESTS_HOST_BOOT_MEMORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* arch/console.h has one too */

#include "arch/types.h"

#define LOW_SIZE (2u << 20)
#define INFO     0x10000000ULL
#define TOP_SIZE 0x1000u
#define TOP      (GIB(4) - TOP_SIZE)

/* More than LOW_SIZE, for what begins just below it. */
extern u8 low[LOW_SIZE + 0x10000];
extern u8 top[TOP_SIZE];

/* Have a block at INFO; have nothing there. */
void place_info(void *block, size_t size);
void remove_info(void);

/* The last fail() line holds these words; shows both where it does not. */
void said(const char *what);

#endif
