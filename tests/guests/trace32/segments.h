/* SPDX-License-Identifier: MIT */
/* The guest's segments. */
#ifndef TRACE32_SEGMENTS_H
#define TRACE32_SEGMENTS_H

#include "tests/guests/trace32/trace32.h"

/* Load the GDT and the TSS. esp0: the stack of exceptions that come from a user. */
void segments_init(u32 esp0);

/* The TSS's bitmap allows a user all ports below 1000h, or none. */
void ports_allow(bool all);

#endif
