/* SPDX-License-Identifier: MIT */
/* As tests/guests/trace, in 32-bit code, 16-bit code and virtual-8086 mode: what the files share. */
#ifndef TRACE32_H
#define TRACE32_H

#include "guest/builtin/lib/exception.h"

#define ADDR(x)    ((u32)(uintptr_t)(x))
#define LEAF       (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define COLD_VA    0xd0000000
#define VECTOR_INT 25

/* Segments of this guest's own. */
#define SEL_SMALL 0x40 /* 32 bytes of the buffer */
#define SEL_DOWN  0x48 /* expand-down: its last page alone, which begins with the buffer */
#define SEL_BASED 0x50 /* 32-bit code, whose base is not 0 */
#define SEL_READ  0x58 /* the buffer's 32 bytes, read-only */

/* Virtual-8086 mode's. */
#define LOW_CODE  0x8000
#define LOW_STACK 0x9000 /* not in the page of what is watched, which may be a page table */
#define LOW_DATA  0x9000

#define CODE_BASE 0x1000 /* of SEL_BASED */

/* A breakpoint's length and R/W. */
enum { CODE = 0, STORE_1 = 1, STORE_4 = 13, ACCESS_4 = 15, PORT_1 = 2, PORT_4 = 14 };

extern u32 steps_wanted;
extern u32 buffer[16];

/* QEMU's TCG ends in a segmentation fault of its own at a code breakpoint in a segment with a base. */
extern bool on_tcg;

/* Call the code, record what it meets, and print it; a fault ends it. */
void trace(const char *name, const void *code, u32 edi, u32 esi, u32 edx);
/* The same in virtual-8086 mode, at LOW_CODE, with EFLAGS as given. */
void trace_v86(const char *name, const void *code, const void *end, u32 eflags);

void watch(u32 nr, u32 address, u32 kind);
void trace_init(void);

/* What paging on makes of it: print the mode first. */
void test_protected(void);
void test_tables(void);
void test_v86(void);

#endif
