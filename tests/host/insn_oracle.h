/* SPDX-License-Identifier: MIT */
/* guest/insn/insn.h against Zydis: for any bytes, both must say the same. For the test and the fuzzer. */
#ifndef TESTS_HOST_INSN_ORACLE_H
#define TESTS_HOST_INSN_ORACLE_H

#include "guest/insn/insn.h"

enum oracle { ORACLE_UNKNOWN, ORACLE_KNOWN };

/*
 * Decode bytes with insn_decode() and with Zydis, and compare: whether it is one of the stores that
 * insn.h lists, and if so each member of struct insn. A difference is printed with the bytes.
 *
 * Returns ORACLE_KNOWN or ORACLE_UNKNOWN, what both agree on; or -1.
 */
int oracle_decode(const u8 *bytes, u32 avail, enum insn_mode mode);

/* The same for insn_system(). */
int oracle_system(const u8 *bytes, u32 avail, enum insn_mode mode);

#endif
