/* SPDX-License-Identifier: MIT */
/* The instructions that are tried, and what each must raise. */
#ifndef PRIVILEGED_H
#define PRIVILEGED_H

#include "arch/types.h"

/* QEMU looks at the privilege level of XSETBV even while CR4.OSXSAVE is clear. */
#define VECTOR_REFUSED 0xff

enum feature { FEATURE_NONE, FEATURE_XSAVE, FEATURE_INVPCID, FEATURE_MONITOR };

bool has_feature(enum feature feature);

struct attempt {
	const char *name;
	const u8 *code, *end; /* ends in INT 80h */
	u8 vector;            /* VECTOR_DONE: it is anybody's; VECTOR_REFUSED: #UD or #GP */
	enum feature needs;
	/* The kernel's: RAX, or EDX:EAX, is this register with bits changed. */
	enum keep { KEEP_NONE, KEEP_CR0, KEEP_CR3, KEEP_CR4, KEEP_EFER } keep;
	u64 clear, set;
};

extern const struct attempt user_attempts[], xsave_attempts[], kernel_attempts[];
extern const u32 nr_user_attempts, nr_xsave_attempts, nr_kernel_attempts;

/* EAX: the call; RBX is 0. */
extern const u8 user_vmcall[], user_vmcall_end[], user_vmmcall[], user_vmmcall_end[];

#endif
