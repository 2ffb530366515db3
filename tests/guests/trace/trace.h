/* SPDX-License-Identifier: MIT */
/* Run a few instructions, and print every exception that they meet: bare and under notrap alike. */
#ifndef TRACE_H
#define TRACE_H

#include "guest/builtin/lib/exception.h"

#define ADDR(x)    ((u64)(uintptr_t)(x))

#define LEAF       (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define COLD_VA    (1ULL << 39) /* its entry is *cold_pte */
#define USER_VA    (2ULL << 39) /* a user's code; his data follow */

#define DR6_SHOWN  0xe00f /* BT, BS, BD, B3 to B0 */
#define VECTOR_INT 25

/* DR7 with breakpoint 0 on. */
enum {
	WATCH_CODE = 0x400 | 2,
	WATCH_STORE_8 = 0x400 | 2 | 1 << 16 | 2 << 18,
	WATCH_ACCESS_2 = 0x400 | 2 | 3 << 16 | 1 << 18,
	WATCH_ACCESS_8 = 0x400 | 2 | 3 << 16 | 2 << 18,
	WATCH_PORT = 0x400 | 2 | 2 << 16,
};

/* A breakpoint's length and R/W: watch(). */
enum {
	CODE = 0,
	STORE_1 = 1,
	STORE_2 = 5,
	STORE_4 = 13,
	STORE_8 = 9,
	ACCESS_8 = 11,
	PORT_1 = 2,
	PORT_2 = 6,
	PORT_4 = 14,
};

#define APIC    0xfee00000
#define ICR_LOW 0x300

struct event {
	u64 vector, rip, error, cr2, dr6, rflags;
};

extern struct event events[64];
extern u32 nr_events;

/* Steps that are recorded before the handler of #DB clears TF; 0: all. For the next trace() alone. */
extern u32 steps_wanted;

extern u64 *cold_pte;

/* Map COLD_VA, and record all exceptions from now on. */
void trace_init(void);

/* Call the code at `code` with three arguments: a fault ends it. Print "trace: <name>: ..." */
void trace(const char *name, const void *code, u64 rdi, u64 rsi, u64 rdx);

/* The same without a word; RAX at the end. */
u64 call_code(const void *code, u64 rdi, u64 rsi, u64 rdx);

/* Where call_code() goes on after a fault. */
extern const u8 call_bail[];

/* COLD_VA gets a new page, and is looked at. */
void fresh_page(void);
/* A and D of COLD_VA are cleared, and its translation is dropped. */
void make_cold(void);

u64 read_dr6(void);
/* Breakpoint 0; DR6 is cleared. */
void set_breakpoint(u64 address, u64 dr7);
/* Breakpoint `nr`, 0 or 1, beside what there is. */
void watch(u32 nr, u64 address, u32 kind);

/*
 * NMIs by the IO-APIC, each `clocks` of the PIT and a few more (so that they do not always hit the same
 * instruction) after the last one's handler has called nmi_again(): a handler that takes longer than
 * that, under an audit say, does not keep everything else from running. 0: none any more.
 */
void nmi_timer(u16 clocks);
void nmi_again(void);
void nmi_init(void);

/* What is asked for by part=. */
void trace_debug(void);
void trace_registers(void);
void trace_resume(void);
void trace_storm(void);
void trace_steps(void);
void trace_odd(void);
void trace_odd_io(void);

/* INT 25 may be an interrupt of the local APIC's. */
extern bool interrupts_own;

/* QEMU's TCG lets CR bits through that are reserved, and hangs: word tcg on the command line. */
extern bool on_tcg;

#endif
