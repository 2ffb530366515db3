/* SPDX-License-Identifier: MIT */
/*
 * RFLAGS.RF in the frames of events that a hypervisor has a hand in: SDM vol. 3B 18.3.1.1. A fault pushes
 * RF=1, so that a breakpoint at its instruction does not hit again; INT n and INT3 push 0.
 */
#include "arch/string.h"
#include "guest/builtin/lib/64/idt.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/test.h"
#include "tests/guests/trace/trace.h"

#define IDT_VA   (3ULL << 39)
#define STACK_VA (IDT_VA + 0x10000)

extern const u8 bad_wrmsr[], at_wrmsr[], bad_cr4[], at_cr4[], bad_ds[], at_ds[], on_stack_int3[],
	behind_int3[], on_stack_int[], at_int[], behind_int[];

static u32 faults, hits, with_rf;
static u64 *handler_cools; /* the entry of a page that on_hit() makes cold */

static void cool(u64 *entry)
{
	*entry &= ~(u64)(PTE_A | PTE_D);
	invlpg(IDT_VA);
	invlpg(STACK_VA);
}

/* The first time the instruction runs again. */
static bool on_fault(struct frame *f)
{
	with_rf += f->rflags >> 16 & 1;
	if (++faults < 2)
		return true;
	f->rip = ADDR(call_bail);
	f->rflags = RFLAGS_FIXED;
	return true;
}

static bool on_hit(struct frame *f)
{
	f->rflags |= RFLAGS_RF;
	if (handler_cools)
		cool(handler_cools);
	return ++hits < 10;
}

static bool go_on(struct frame *f)
{
	(void)f;
	return true;
}

static void fault(const char *name, const u8 *code, const u8 *at)
{
	faults = hits = with_rf = 0;
	set_breakpoint(ADDR(at), WATCH_CODE);
	call_code(code, 0, 0, 0);
	set_breakpoint(0, DR7_NONE);
	check(hits == 1 && faults == 2 && with_rf == 2,
	      "%s: %u breakpoints, %u faults, %u of them with RF", name, hits, faults, with_rf);
}

/*
 * Each with its IDT or stack out of reach, so that the delivery of the breakpoint at it is cut, or of
 * the event itself where it is the handler that puts the IDT out of reach.
 */
static void cut(const char *name, const u8 *code, const u8 *at, u64 *idt, u64 *stack)
{
	const struct {
		const char *name;
		u64 *cold, *later;
	} cases[] = {
		{"nothing cold", NULL, NULL}, {"IDT cold", idt, NULL},
		{"stack cold", stack, NULL},  {"IDT cold later", NULL, idt},
		{"IDT cold twice", idt, idt},
	};

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		hits = 0;
		(void)*(volatile u8 *)ptr(IDT_VA);
		*(volatile u8 *)ptr(STACK_VA) = 0;
		if (cases[i].cold)
			cool(cases[i].cold);
		handler_cools = cases[i].later;
		set_breakpoint(ADDR(at), WATCH_CODE);
		call_code(code, STACK_VA + PAGE_SIZE, 0, 0);
		set_breakpoint(0, DR7_NONE);
		check(hits == 1, "%s, %s: %u breakpoints", name, cases[i].name, hits);
	}
	handler_cools = NULL;
}

void trace_resume(void)
{
	u64 *idt_entry = entry_of(paging_root, IDT_VA, 1);
	u64 *stack_entry = entry_of(paging_root, STACK_VA, 1);
	struct table_pointer idt;

	exception_handle(VEC_GP, on_fault);
	exception_handle(VEC_DB, on_hit);
	exception_handle(VEC_BP, go_on);
	exception_handle(VECTOR_INT, go_on);
	fault("MOV DS", bad_ds, at_ds);
	if (!on_tcg) {
		fault("WRMSR", bad_wrmsr, at_wrmsr);
		fault("MOV CR4", bad_cr4, at_cr4);
	}
	__asm__ volatile("sidt %0" : "=m"(idt));
	*idt_entry = page_alloc(1, PAGE_SIZE) | LEAF;
	*stack_entry = page_alloc(1, PAGE_SIZE) | LEAF;
	memcpy(ptr(IDT_VA), ptr(idt.base), PAGE_SIZE);
	idt.base = IDT_VA;
	__asm__ volatile("lidt %0" : : "m"(idt));
	cut("behind INT3", on_stack_int3, behind_int3, idt_entry, stack_entry);
	cut("behind INT n", on_stack_int, behind_int, idt_entry, stack_entry);
	cut("at INT n", on_stack_int, at_int, idt_entry, stack_entry);
}
