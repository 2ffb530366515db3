/* SPDX-License-Identifier: MIT */
/* Try one memory access, and say how it ended. */
#ifndef GUEST_LIB_PROBE_H
#define GUEST_LIB_PROBE_H

#include "guest/builtin/lib/exception.h"

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

struct probe {
	u8 vector; /* VECTOR_DONE when nothing stopped it */
	u32 error;
	reg cr2;   /* valid for #PF */
	reg value; /* the accumulator at the end; valid for VECTOR_DONE */
};

/* What a page that ACCESS_FETCH jumps to must begin with: INT 80h. */
#define PROBE_FETCH_CODE 0x80cd

/* A user page for user-mode probes: identity of probe code at `va`, its frame at `frame`. */
void probe_set_user(reg va, void *frame);

/*
 * One byte is read or written, or code is fetched, at `va`, in supervisor mode or (user) from
 * the page of probe_set_user(), with RFLAGS = `flags` (bit 1 is added).
 */
struct probe probe(enum access access, bool user, reg va, reg flags);

/*
 * As probe(), but runs code of the caller's at `ip`, which ends in INT 80h. It finds the address in
 * (E|R)DI and `value` in RAX, or EDX:EAX, and needs no stack.
 */
struct probe probe_run(reg ip, bool user, reg va, reg flags, u64 value);

/* For exception(): true when the exception ends the running probe. */
bool probe_exception(const struct frame *frame, reg cr2);

#endif
