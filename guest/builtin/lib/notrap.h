/* SPDX-License-Identifier: MIT */
/* Is this notrap, and what does it count? */
#ifndef GUEST_LIB_NOTRAP_H
#define GUEST_LIB_NOTRAP_H

#include "arch/types.h"
#include "guest/hypercall.h"

/* Look for notrap's CPUID leaves. */
void notrap_init(void);

/* True under notrap, false on the bare machine. */
bool notrap_present(void);

/* NOTRAP_INFO_* bits; 0 on the bare machine. */
u32 notrap_info(void);

/* Exits so far; 0 on the bare machine. */
u64 notrap_exits(void);

/* One hypercall, HC_*. Returns its result; must not be used on the bare machine. */
u64 notrap_call(u32 number, u64 argument);

#endif
