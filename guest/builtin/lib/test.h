/* SPDX-License-Identifier: MIT */
/* Checks that a test guest counts; only failures are printed. */
#ifndef GUEST_LIB_TEST_H
#define GUEST_LIB_TEST_H

#include "guest/builtin/lib/probe.h"

/* Count one check; when it is not `ok`, print what it was (the first twenty of them). */
void check(bool ok, const char *what, ...) PRINTF_LIKE(2, 3);

/* True once for each time that a failure has been printed. */
bool check_failed(void);

#define NO_FAULT (~0u)

/*
 * A probe at `va` must have ended in #PF with this error code and CR2 = `va`, or (NO_FAULT) in
 * nothing. On an AMD CPU whose reserved-bit faults lack P (one emulator's), P is not compared
 * there.
 */
void expect(const char *what, struct probe got, u32 error, reg va);

/* Take one reserved-bit fault on purpose and note what its error code was. */
void expect_calibrate(struct probe reserved);

/*
 * Print "<name>: N checks, M failures".
 *
 * Returns NULL when all were right, else a reason for guest_main() to return.
 */
const char *check_end(const char *name);

#endif
