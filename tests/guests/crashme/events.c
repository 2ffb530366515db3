/* SPDX-License-Identifier: MIT */
/*
 * What a stream meets: exceptions and interrupts are noted. The watchdog is an NMI, of the PIT's through
 * the I/O APIC.
 */
#include "tests/guests/crashme/crashme.h"

#include "arch/string.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/random.h"

#define EVENTS_MAX 200

#define HLT        0xf4

#define APIC_ID    0x20
#define APIC_EOI   0xb0

#define IO_APIC    0xfec00000
#define PIN_2      0x14 /* the PIT's redirection entry */
#define TO_NMI     0x400
#define MASKED     0x10000

struct outcome outcome;

void note(u64 seen)
{
	outcome.hash = hash_add(outcome.hash, seen);
}

/* Without the bits of breakpoints that are not on: they may be set or not, SDM vol. 3B 18.2.3. */
static u64 shown_dr6(void)
{
	u64 dr6, dr7;

	__asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
	__asm__ volatile("mov %%dr7, %0" : "=r"(dr7));
	for (u32 i = 0; i < 4; i++)
		if (!(dr7 >> (2 * i) & 3))
			dr6 &= ~BIT(i);
	return dr6 & ~DR6_NONE;
}

/* End the stream: the handler returns into run_stream(). */
static void bail(struct frame *f)
{
	outcome.last = *f;
	outcome.running = false;
	f->rip = ADDR(run_bail);
	f->cs = SEL_CODE;
	f->ss = SEL_DATA;
	f->rflags = RFLAGS_FIXED;
	f->rsp = ADDR(f);
}

/* Go on at the next instruction that the stream was made of. */
static bool skip(struct frame *f)
{
	for (u32 i = 0; i < stream.nr_starts; i++) {
		if (stream.starts[i] > f->rip) {
			f->rip = stream.starts[i];
			return true;
		}
	}
	return false;
}

static bool in_kernel(const struct frame *f)
{
	extern char image_start[], image_end[];

	return f->cs == SEL_CODE && f->rip >= ADDR(image_start) && f->rip < ADDR(image_end);
}

static void note_event(const struct frame *f, u64 dr6, u64 cr2)
{
	u64 rflags = f->rflags;

	/*
	 * A trap between two passes of a REP pushes RF: SDM vol. 3B 18.3.1.1. Bochs' bare CPU does not,
	 * notrap does.
	 */
	if (f->vector == VEC_DB)
		rflags &= ~RFLAGS_RF;
	note(f->vector | f->error << 8);
	note(f->rip);
	note(f->rsp);
	note(f->cs | f->ss << 16);
	note(dr6);
	note(rflags);
	note(cr2);
	outcome.events++;
	if (!stream.say)
		return;
	print("say: event %u vector %lu error %lx at +%lx cs %lx rsp %lx ss %lx rflags %lx\n",
	      outcome.events, f->vector, f->error, (u64)(f->rip - CODE_VA), f->cs, f->rsp, f->ss,
	      rflags);
	print("say:  cr2 %lx dr6 %lx rax %lx rcx %lx rdx %lx\n", cr2, dr6, f->rax, f->rcx, f->rdx);
}

/* What goes on where it is after an event, with the cause taken away. */
static bool goes_on(struct frame *f, u64 cr2)
{
	switch (f->vector) {
	case VEC_DB:
		__asm__ volatile("mov %0, %%dr6" : : "r"(DR6_NONE));
		f->rflags |= RFLAGS_RF;
		return true;
	case VEC_BP:
	case VEC_OF:
	case VECTOR:
		return true;
	case VEC_PF:
		return pages_admit_second(cr2);
	}
	return false;
}

static bool on_event(struct frame *f)
{
	u64 cr2 = f->vector == VEC_PF ? read_cr2() : 0;
	u64 dr6 = f->vector == VEC_DB ? shown_dr6() : 0;
	bool inside = f->rip - CODE_VA < 2 * PAGE_SIZE, over;

	if (in_kernel(f)) {
		/* A stream's DR7.GD at this kernel's own MOV DR: the CPU has cleared it. */
		if (f->vector == VEC_DB)
			return true;
		/* The IRETQ into the stream may fault; nothing else may. */
		if (!outcome.running || f->rip < ADDR(run_stream) || f->rip >= ADDR(run_bail))
			return false;
	}
	if (f->vector == VECTOR)
		*(volatile u32 *)ptr(APIC + APIC_EOI) = 0;
	note_event(f, dr6, cr2);
	over = outcome.events > EVENTS_MAX || !inside || f->vector == VEC_DF ||
	       f->rip == stream.starts[stream.nr_starts - 1];
	if (over || (!goes_on(f, cr2) && !skip(f)))
		bail(f);
	return true;
}

static void watchdog_again(void)
{
	out8(0x43, 0x30); /* counter 0, mode 0: once */
	out8(0x40, 0xff);
	out8(0x40, 0xff);
}

/* Behind a HLT: it sleeps for ever, since its interrupt came before. That is the same everywhere. */
static bool asleep(const struct frame *f)
{
	u64 offset = f->rip - CODE_VA;

	return offset - 1 < 2 * PAGE_SIZE && pages_code()[offset - 1] == HLT;
}

static bool on_nmi(struct frame *f)
{
	if (in_kernel(f)) {
		watchdog_again();
		return true;
	}
	outcome.watchdog = !asleep(f);
	if (stream.say)
		print("say: the watchdog finds it at %lx\n", f->rip);
	bail(f);
	return true;
}

void watchdog(bool on)
{
	volatile u32 *io = ptr(IO_APIC);

	io[0] = PIN_2;
	io[4] = TO_NMI | (on ? 0 : MASKED);
	watchdog_again();
}

void watchdog_init(void)
{
	volatile u32 *io = ptr(IO_APIC);

	map_identity(IO_APIC, PAGE_SIZE);
	io[0] = PIN_2 + 1;
	io[4] = *(volatile u32 *)ptr(APIC + APIC_ID);
}

void events_init(void)
{
	for (u32 v = 0; v < VECTORS; v++)
		exception_handle((u8)v, v == VEC_NMI ? on_nmi : on_event);
}

void events_start(void)
{
	memset(&outcome, 0, sizeof(outcome));
	outcome.hash = HASH_START;
	outcome.running = true;
}
