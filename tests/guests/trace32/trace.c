/* SPDX-License-Identifier: MIT */
/* Every exception is recorded; a fault ends the sequence, a trap does not. */
#include "arch/string.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/print.h"
#include "tests/guests/trace32/trace32.h"

#define REP    0xf3
#define DR6_BS BIT(14)
#define SHOWN  0xe00f /* of DR6: BT, BS, BD, B3 to B0 */
#define EVENTS 16

struct event {
	u32 vector, eip, error, cr2, dr6, eflags;
};

void call_code(const void *code, u32 edi, u32 esi, u32 edx);
void v86_enter(u32 ip, u32 sp, u32 eflags);
extern const u8 call_bail[];

u32 steps_wanted;

static struct event events[EVENTS];
static u32 nr_events, depth;
static bool gd_stays;

static u32 read_dr6(void)
{
	u32 v;

	__asm__ volatile("mov %%dr6, %0" : "=r"(v));
	return v;
}

static void no_breakpoints(void)
{
	__asm__ volatile("mov %0, %%dr6\n\tmov %1, %%dr7"
			 :
			 : "r"((reg)DR6_NONE), "r"((reg)DR7_NONE));
}

void watch(u32 nr, u32 address, u32 kind)
{
	u32 dr7;

	if (nr)
		__asm__ volatile("mov %0, %%dr1" : : "r"(address));
	else
		__asm__ volatile("mov %0, %%dr0" : : "r"(address));
	__asm__ volatile("mov %%dr7, %0" : "=r"(dr7));
	__asm__ volatile("mov %0, %%dr7" : : "r"(dr7 | kind << (16 + 4 * nr) | 2 << 2 * nr));
}

static bool is_trap(u32 vector)
{
	return vector == VEC_DB || vector == VEC_BP || vector == VEC_OF || vector == VECTOR_INT;
}

/* As in tests/guests/trace: between two passes of a REP RF is 1, in the emulators 0. */
static u32 shown_flags(const struct frame *f)
{
	bool flat = f->cs == SEL_CODE;

	if (is_trap(f->vector) && flat && *(const u8 *)f->eip == REP)
		return f->eflags & ~RFLAGS_RF;
	return f->eflags;
}

static void on_debug(struct frame *f, u32 dr6)
{
	__asm__ volatile("mov %0, %%dr6" : : "r"((reg)DR6_NONE));
	if (dr6 & BIT(13))
		f->eip += 3;
	if ((dr6 & DR6_BS) && steps_wanted && --steps_wanted == 0)
		f->eflags &= ~RFLAGS_TF;
	f->eflags |= RFLAGS_RF;
}

static bool on_event(struct frame *f)
{
	struct event *e = &events[nr_events < EVENTS ? nr_events : 0];

	/* A MOV DR of this very handler. */
	if (f->vector == VEC_DB && depth) {
		gd_stays = true;
		f->eip += 3;
		return true;
	}
	depth++;
	nr_events++;
	*e = (struct event){f->vector, f->eip, f->error, read_cr2(), read_dr6(), shown_flags(f)};
	if (f->vector == VEC_DB)
		on_debug(f, e->dr6);
	if (!is_trap(f->vector)) {
		f->eip = ADDR(call_bail);
		f->cs = SEL_CODE;
		f->eflags = RFLAGS_FIXED;
	}
	depth--;
	return true;
}

static void report(const char *name, u32 start)
{
	no_breakpoints();
	steps_wanted = 0;
	print("trace: %s: %u%s", name, nr_events, gd_stays ? ", GD stays set" : "");
	for (u32 i = 0; i < nr_events && i < EVENTS; i++) {
		const struct event *e = &events[i];

		if (e->eip - start < 512)
			print(" [%u at +%x", e->vector, e->eip - start);
		else
			print(" [%u at %x", e->vector, e->eip);
		if (e->error)
			print(" error %x", e->error);
		if (e->vector == VEC_PF)
			print(" cr2 %x", e->cr2);
		if (e->vector == VEC_DB)
			print(" dr6 %x", e->dr6 & SHOWN);
		print("%s%s]", e->eflags & RFLAGS_TF ? " TF" : "",
		      e->eflags & RFLAGS_RF ? " RF" : "");
	}
	print("\n");
	nr_events = 0;
	gd_stays = false;
}

void trace(const char *name, const void *code, u32 edi, u32 esi, u32 edx)
{
	call_code(code, edi, esi, edx);
	report(name, ADDR(code));
}

void trace_v86(const char *name, const void *code, const void *end, u32 eflags)
{
	/* What IRET returns to, the next instruction, and POPF takes as flags. */
	static const u16 frame[] = {LOW_CODE + 1, 0, 0x3002};

	memcpy(ptr(LOW_CODE), code, ADDR(end) - ADDR(code));
	memcpy(ptr(LOW_STACK - sizeof(frame)), frame, sizeof(frame));
	v86_enter(LOW_CODE, LOW_STACK - sizeof(frame), eflags);
	report(name, LOW_CODE);
}

void trace_init(void)
{
	no_breakpoints();
	for (u32 vector = 0; vector < VECTORS; vector++)
		exception_handle((u8)vector, on_event);
}
