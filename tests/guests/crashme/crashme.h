/* SPDX-License-Identifier: MIT */
/* Random code, and what it met: bare and under notrap alike. */
#ifndef CRASHME_H
#define CRASHME_H

#include "arch/types.h"
#include "guest/builtin/lib/exception.h"

#define ADDR(x)          ((u64)(uintptr_t)(x))

#define INSNS            24 /* in a stream, at least */

#define SEL_CODE32       0x38
#define SEL_USER_CODE32  0x43
#define SEL_CODE16       0x48
#define SEL_USER_CODE16  0x53
#define SEL_ODD          0x58 /* data with a base and a limit of the stream's */
#define SEL_USER_ODD     0x63
#define SELECTORS        13

#define APIC             0xfee00000
#define APIC_ICR_LOW     0x300
#define ICR_ASSERT       BIT(14)
#define VECTOR           25 /* of the interrupts that a stream sends to itself */

#define MSR_SYSENTER_CS  0x00000174
#define MSR_SYSENTER_ESP 0x00000175
#define MSR_SYSENTER_EIP 0x00000176
#define MSR_STAR         0xc0000081
#define MSR_LSTAR        0xc0000082
#define MSR_FMASK        0xc0000084

#define PORT_KEYBOARD    0x64
#define PORT_CMOS        0x70
#define PORT_POST        0x80
#define PORT_A           0x92 /* the A20 gate is its bit 1 */
#define PORT_PCI_ADDRESS 0xcf8
#define PORT_PCI_DATA    0xcfc
#define PORT_A_A20       BIT(1)

/*
 * The windows of a stream, in tables of their own. They are below 4 GiB, so that compatibility mode
 * reaches them.
 */
#define WINDOW    0x40000000UL
#define TABLE_VA  (WINDOW + 1 * PAGE_SIZE)  /* the page table of COLD_VA */
#define DATA_VA   (WINDOW + 2 * PAGE_SIZE)  /* two pages; behind them nothing */
#define RO_VA     (WINDOW + 5 * PAGE_SIZE)  /* read-only */
#define KERNEL_VA (WINDOW + 6 * PAGE_SIZE)  /* two pages, a supervisor's */
#define UPPER_VA  (WINDOW + 8 * PAGE_SIZE)  /* the page directory of FAR_VA */
#define STACK_VA  (WINDOW + 10 * PAGE_SIZE) /* one page */
#define CODE_VA   (WINDOW + 12 * PAGE_SIZE) /* two pages; the second may be cold, missing or NX */
#define COLD_VA   (WINDOW + PAGE_2M)        /* pages whose entries are random */
#define FAR_VA    (WINDOW + PAGE_1G)        /* its first 2 MiB are those of COLD_VA */

/* Prefixes that choose the other size. */
#define OPSIZE 0x66
#define ADSIZE 0x67

/* Register numbers of the CPU's. */
enum { AX, CX, DX, BX, SP, BP, SI, DI };

/* The one stream that is made and run now. */
struct stream {
	bool say;    /* print its details */
	bool steps;  /* single steps and breakpoints may be on */
	bool user;   /* level 3 */
	bool compat; /* compatibility mode */
	bool code16; /* in it, code of 16 bits */
	bool odd;    /* in it, segments with a base and a limit */
	bool table;  /* its pointers lead to page tables */
	bool cold;   /* and to pages that have no shadow yet, or no right to be used */
	bool invlpg; /* an INVLPG before each use of memory */
	bool edge;   /* it goes from the first page of its code to the second */
	bool wild;   /* some bytes are random */
	u32 nr_starts;
	u64 starts[2 * INSNS]; /* where instructions start; the last one ends the stream */
};

extern struct stream stream;

/* What was met. */
struct outcome {
	bool running;      /* between the entry and the end of a stream */
	bool watchdog;     /* it ran, not slept, for too long, and was ended */
	u32 events;        /* exceptions and interrupts */
	u64 hash;          /* of all that was noted */
	struct frame last; /* the registers at the end */
};

extern struct outcome outcome;

/* What a stream starts with: enter.asm knows the order. */
struct registers {
	u64 gpr[16]; /* by their numbers; RSP is below */
	u64 rip, cs, rflags, rsp, ss, data;
};

/* random.c: a sequence that the seed decides. */
void random_start(u32 seed);
u64 rnd(void);
u32 pick(u32 n); /* 0 to n - 1 */

/* For registers and memory: a number, an address, an entry of a page table, bits. */
u64 random_value(void);

/* machine.c: what a stream can change of the CPU and of devices. */
extern u64 base_cr0, base_cr3, base_cr4;

void machine_init(void);
void machine_restore(void);

/* segments.c: of all streams, and what this one starts with. */
void segments_init(void);
void segments_restore(void);
void segments_set(struct registers *r);

/* pages.c: windows and frames. Noted is what is in the frames at the end. */
void pages_init(void);
void pages_set(void);
u8 *pages_code(void);             /* the frames of CODE_VA */
u64 pages_cold_frame(u32 n);      /* one of four, for random entries */
bool pages_admit_second(u64 cr2); /* make the second page of the code usable, if that is missing */
void pages_show(void);
void pages_note(void);

/* registers.c: what a stream starts with. Noted is what they are at the end. */
void registers_set(struct registers *r);
void registers_show(const struct registers *r);
void registers_note(void);
void breakpoints_set(void);
void breakpoints_clear(void);

/* events.c: exceptions, interrupts, the end of a stream, and what is noted. */
void events_init(void);
void events_start(void);
void note(u64 seen); /* make it a part of outcome.hash */
void watchdog_init(void);
void watchdog(bool on);

/* enter.asm: into a stream, and back by run_bail. */
void run_stream(const struct registers *r);
extern const u8 run_bail[];

/* stream.c: write a stream to the frames of CODE_VA. Returns the address that it starts at. */
u64 stream_make(void);
void stream_show(void);

/* general.c: one instruction of forms.c. */
void general(void);
u32 random_disp(void);

/* groups.c, ports.c, system.c: a few instructions that belong together. */
void group(void);
void port(void);
void control_register(void);
void msr(void);

/* emit.c: the bytes of instructions. */
void emit_start(u8 *code, u32 offset);
u8 *emit_at(void);
void insn(void); /* the next byte starts an instruction */
void emit8(u64 value);
void emit(u64 value, u32 bytes);
void emit_prefix(void);
void emit_wide(u8 prefix); /* OPSIZE or ADSIZE where code has 16 bits: it is to have 32 */
bool emit_prefixes(void);  /* none, a few or many; true: operands have 16 bits */
void emit_modrm_register(u8 reg, u8 rm);
void emit_modrm_memory(u8 reg, u8 base, u32 disp);
void mov_eax(u64 value);
void mov_register(u8 nr, u64 value);  /* in its full width */
void op(const char *code, u32 bytes); /* with prefixes now and then */
#define OP(code) op(code, sizeof(code) - 1)

#endif
