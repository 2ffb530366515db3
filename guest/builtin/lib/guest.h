/* SPDX-License-Identifier: MIT */
/* A guest kernel's beginning and end. Each kernel supplies guest_main(). */
#ifndef GUEST_LIB_GUEST_H
#define GUEST_LIB_GUEST_H

#include "arch/types.h"

/*
 * The kernel's own part, called in long mode with interrupts off, on tables that map all RAM at
 * its physical address.
 *
 * Returns NULL when all is well, else the reason for "guest: fail <reason>".
 */
const char *guest_main(void);

/* Print "guest: pass", or "guest: fail <why>", and end the machine. */
NORETURN void guest_pass(void);
NORETURN void guest_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * The value of "key=value" on the command line; NULL without it. The value ends at a space or at
 * the end of the string.
 */
const char *guest_option(const char *key);

/* The number in "key=number" (decimal); `otherwise` without it. Not a number: guest_fail(). */
u32 guest_option_number(const char *key, u32 otherwise);

/* Page faults that this kernel's handlers have seen so far. */
extern u64 page_faults;

#endif
