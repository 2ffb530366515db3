/* SPDX-License-Identifier: MIT */
/* Probes: an access made by IRET, ended by its fault or by INT 80h. */
#include "guest/builtin/lib/probe.h"

#include "arch/string.h"
#include "guest/builtin/lib/insn.h"

/* Field order is probe_enter()'s. */
struct probe_target {
	reg ss, sp, flags, cs, ip, va, low, high;
};

void probe_enter(const struct probe_target *target);
extern const char probe_code[], probe_code_end[];
extern const char probe_code_write[], probe_code_fetch[];

static struct probe result;
static bool running;
static reg user_code;

void probe_set_user(reg va, void *frame)
{
	memcpy(frame, probe_code, (size_t)(probe_code_end - probe_code));
	user_code = va;
}

bool probe_exception(const struct frame *frame, reg cr2)
{
	if (!running)
		return false;
	running = false;
#ifdef __x86_64__
	result = (struct probe){(u8)frame->vector, (u32)frame->error, cr2, frame->rax};
#else
	result = (struct probe){(u8)frame->vector, (u32)frame->error, cr2, frame->eax};
#endif
	return true;
}

struct probe probe_run(reg ip, bool user, reg va, reg flags, u64 value)
{
	struct probe_target target = {
		.flags = flags | RFLAGS_FIXED,
		.va = va,
		.low = (reg)value,
		.high = (reg)(value >> 32),
		.ip = ip,
		.cs = user ? SEL_USER_CODE : SEL_CODE,
		.ss = user ? SEL_USER_DATA : SEL_DATA,
		/* The probe pushes nothing itself; its own exceptions do, in supervisor mode. */
		.sp = (uintptr_t)__builtin_frame_address(0) - 4096,
	};

	running = true;
	probe_enter(&target);
	return result;
}

struct probe probe(enum access access, bool user, reg va, reg flags)
{
	const char *code = access == ACCESS_READ    ? probe_code
			   : access == ACCESS_WRITE ? probe_code_write
						    : probe_code_fetch;

	return probe_run(user ? user_code + (reg)(code - probe_code) : (uintptr_t)code, user, va,
			 flags, 0);
}
