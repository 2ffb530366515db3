/* SPDX-License-Identifier: MIT */
/* Exceptions of a guest kernel: fatal unless a probe or a handler expects them. */
#ifndef GUEST_LIB_EXCEPTION_H
#define GUEST_LIB_EXCEPTION_H

#include "guest/builtin/lib/insn.h"

#define SEL_CODE      0x08
#define SEL_DATA      0x10
#define SEL_USER_DATA 0x1b
#define SEL_USER_CODE 0x23
#define SEL_TSS       0x28

#define VECTOR_DONE   0x80 /* INT 80h: how a probe says that it was not stopped */
#define VECTORS       32

#ifdef __x86_64__
struct frame {
	reg r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	reg vector, error;
	reg rip, cs, rflags, rsp, ss;
};
#else
struct frame {
	reg edi, esi, ebp, handler_esp, ebx, edx, ecx, eax;
	reg vector, error;
	reg eip, cs, eflags;
	reg esp, ss; /* there only when it came from user mode */
};
#endif

/* Load GDT, TSS and IDT. */
void exception_init(void);

/*
 * Let `handler` see exceptions of this vector; it returns true when the interrupted code may go
 * on. NULL: they are fatal again.
 */
void exception_handle(u8 vector, bool (*handler)(struct frame *frame));

/* Point a vector's IDT entry straight at assembly; NULL: back to the common entry. */
void exception_set_gate(u8 vector, const void *entry);

/* Called by exception.asm. True: the probe is over, do not go back. */
bool exception(struct frame *frame);

/* Print the frame and the control registers. */
void exception_dump(const struct frame *frame, reg cr2);

#endif
