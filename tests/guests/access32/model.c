/* SPDX-License-Identifier: MIT */
/* The 64-bit test's model, for a 32-bit kernel. */
#include "tests/guests/access/model.c"
