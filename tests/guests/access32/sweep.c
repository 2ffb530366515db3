/* SPDX-License-Identifier: MIT */
/* The 64-bit test's sweep, for a 32-bit kernel. */
#include "tests/guests/access/sweep.c"
