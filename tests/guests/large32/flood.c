/* SPDX-License-Identifier: MIT */
/* The same source, for a 32-bit kernel. */
#include "tests/guests/large/flood.c"
