/* SPDX-License-Identifier: MIT */
/*
 * arch/console.h of a host program: lines are counted, and the last of each kind is kept. One that the
 * hypervisor's console would cut ends the program.
 */
#ifndef TESTS_HOST_FAKE_CONSOLE_H
#define TESTS_HOST_FAKE_CONSOLE_H

#include "arch/types.h"

/* Lines of say() and of fail() so far, and the last of them. */
extern u32 fake_says, fake_fails;
extern char fake_said[256], fake_failed[256];

/* Print each line as well. */
extern bool fake_echo;

/* Called with each line of say(), where a test wants all of them. */
extern void (*fake_on_say)(const char *line);

/* As if nothing had been said. */
void fake_console_clear(void);

#endif
