/* SPDX-License-Identifier: MIT */
/* Every exception is recorded; a fault ends the sequence, a trap does not. */
#include "tests/guests/trace/trace.h"

#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"

#define REP        0xf3
#define APIC_EOI   0xb0
#define HANDLER_AT 8192 /* below the handler's frame, a stack that nothing else uses */

struct event events[64];
u32 nr_events, steps_wanted;
u64 *cold_pte;
bool on_tcg;

static u32 depth;
static bool gd_stays;
bool interrupts_own;

u64 read_dr6(void)
{
	u64 v;

	__asm__ volatile("mov %%dr6, %0" : "=r"(v));
	return v;
}

void set_breakpoint(u64 address, u64 dr7)
{
	__asm__ volatile("mov %0, %%dr0\n\tmov %1, %%dr6\n\tmov %2, %%dr7"
			 :
			 : "r"(address), "r"(DR6_NONE), "r"(dr7));
}

static bool is_trap(u64 vector)
{
	return vector == VEC_DB || vector == VEC_BP || vector == VEC_OF || vector == VECTOR_INT ||
	       vector == VEC_NMI;
}

/* Between two passes of a REP, RF is 1 (SDM vol. 3B 18.3.1.1); the emulators' own have it 0. */
static u64 shown_flags(const struct frame *f)
{
	if (is_trap(f->vector) && *(const u8 *)f->rip == REP)
		return f->rflags & ~(u64)RFLAGS_RF;
	return f->rflags;
}

static void on_debug(struct frame *f, u64 dr6)
{
	__asm__ volatile("mov %0, %%dr6" : : "r"(DR6_NONE));
	/* MOV DR: three bytes. */
	if (dr6 & BIT(13))
		f->rip += 3;
	if ((dr6 & DR6_BS) && steps_wanted && --steps_wanted == 0)
		f->rflags &= ~(u64)RFLAGS_TF;
	f->rflags |= RFLAGS_RF;
}

static bool on_event(struct frame *f)
{
	struct event *e = &events[nr_events < ARRAY_SIZE(events) ? nr_events : 0];

	/* A MOV DR of this very handler. */
	if (f->vector == VEC_DB && depth) {
		gd_stays = true;
		f->rip += 3;
		return true;
	}
	depth++;
	nr_events++;
	*e = (struct event){f->vector, f->rip, f->error, read_cr2(), read_dr6(), shown_flags(f)};
	if (f->vector == VEC_DB)
		on_debug(f, e->dr6);
	if (f->vector == VECTOR_INT && interrupts_own)
		*(volatile u32 *)ptr(APIC + APIC_EOI) = 0;
	if (!is_trap(f->vector)) {
		f->rip = ADDR(call_bail);
		f->cs = SEL_CODE;
		f->ss = SEL_DATA;
		f->rflags = RFLAGS_FIXED;
		f->rsp = ADDR(f) - HANDLER_AT;
	}
	depth--;
	return true;
}

void trace_init(void)
{
	cold_pte = entry_of(paging_root, COLD_VA, 1);
	fresh_page();
	for (u8 vector = 0; vector < VECTORS; vector++)
		exception_handle(vector, on_event);
}

void fresh_page(void)
{
	*cold_pte = page_alloc(1, PAGE_SIZE) | LEAF;
	reload_cr3();
	(void)*(volatile u8 *)ptr(COLD_VA);
}

void make_cold(void)
{
	*cold_pte &= ~(u64)(PTE_A | PTE_D);
	invlpg(COLD_VA);
}

static void print_event(const struct event *e, u64 start)
{
	u64 offset = e->rip - start;

	if (offset < 512)
		print(" [%lu at +%lx", e->vector, offset);
	else
		print(" [%lu at %lx", e->vector, e->rip);
	if (e->error)
		print(" error %lx", e->error);
	if (e->vector == VEC_PF)
		print(" cr2 %lx", e->cr2);
	if (e->vector == VEC_DB)
		print(" dr6 %lx", e->dr6 & DR6_SHOWN);
	print("%s%s]", e->rflags & RFLAGS_TF ? " TF" : "", e->rflags & RFLAGS_RF ? " RF" : "");
}

void trace(const char *name, const void *code, u64 rdi, u64 rsi, u64 rdx)
{
	nr_events = 0;
	gd_stays = false;
	call_code(code, rdi, rsi, rdx);
	set_breakpoint(0, DR7_NONE);
	steps_wanted = 0;
	print("trace: %s: %u%s", name, nr_events, gd_stays ? ", GD stays set" : "");
	for (u32 i = 0; i < nr_events && i < ARRAY_SIZE(events); i++)
		print_event(&events[i], ADDR(code));
	print("\n");
}
