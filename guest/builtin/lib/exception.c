/* SPDX-License-Identifier: MIT */
/* What happens to an exception. */
#include "guest/builtin/lib/exception.h"

#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/probe.h"

static bool (*handlers[VECTORS])(struct frame *frame);

u64 page_faults;

void exception_handle(u8 vector, bool (*handler)(struct frame *frame))
{
	handlers[vector] = handler;
}

bool exception(struct frame *frame)
{
	reg cr2 = read_cr2();

	if (frame->vector == VEC_PF)
		page_faults++;
	if (probe_exception(frame, cr2))
		return true;
	if (frame->vector < VECTORS && handlers[frame->vector] && handlers[frame->vector](frame))
		return false;
	exception_dump(frame, cr2);
	guest_fail("unexpected exception %lu", frame->vector);
}
