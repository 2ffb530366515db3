/* SPDX-License-Identifier: MIT */
/* What a 64-bit CPU's descriptor tables hold: SDM vol. 3A 6.14.1, 7.7, 3.5.1. */
#ifndef GUEST_LIB_64_IDT_H
#define GUEST_LIB_64_IDT_H

#include "arch/types.h"

struct gate {
	u16 offset0, sel;
	u8 ist, type;
	u16 offset1;
	u32 offset2, zero;
};

struct __attribute__((packed)) tss {
	u32 reserved0;
	u64 rsp[3], reserved1, ist[7], reserved2;
	u16 reserved3, iomap;
};

struct __attribute__((packed)) table_pointer {
	u16 limit;
	u64 base;
};

#define GATE_DPL3 0x60 /* of a gate's type */

#endif
