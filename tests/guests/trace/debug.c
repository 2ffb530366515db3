/* SPDX-License-Identifier: MIT */
/* Debug exceptions around instructions that a hypervisor carries out: SDM vol. 3B 18.2, 18.3. */
#include "arch/string.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "tests/guests/trace/trace.h"

extern const u8 store[], exchange[], compare_exchange[], store_string[], rep_store[],
	at_rep_store[], move_string[], store_word_cr0[], load_word_cr0[], ss_cpuid[], ss_store[],
	ss_load[], ss_cr3[], ss_int3[], ss_ud[], ss_int1[], ss_twice[], step_ss_cpuid[],
	step_ss_store[], step_ss_load[], step_cpuid[], step_rep[], step_store[], step_int3[],
	step_int1[], step_ud[], step_load[], step_cr4[], step_invlpg[], step_clts[], step_smsw[],
	step_dr6[], step_ss_dr6[], step_lmsw[], step_gp[], step_iret[], gd_read[], gd_step_cpuid[],
	gd_step_store[], in_64[], in_80[], step_in_64[], code_load[], at_load[], gate_de[],
	gate_ud[], gate_int[], gate_gp[], gate_pf[], code_store[], at_store[], code_cpuid[],
	at_cpuid[];

static u16 ss_word = SEL_DATA;
static u64 buffer[16];

/* A store to a table that was not written for a while, at a breakpoint or not. */
static void table(const char *name, const u8 *code, u64 *watched)
{
	fresh_page();
	if (watched)
		set_breakpoint(ADDR(watched), WATCH_STORE_8);
	trace(name, code, ADDR(cold_pte), *cold_pte, 0);
}

/* MOV SS from a word that is watched. */
static void watched_ss(const char *name, const u8 *code, u64 rsi, u64 rdx)
{
	set_breakpoint(ADDR(&ss_word), WATCH_ACCESS_2);
	trace(name, code, ADDR(&ss_word), rsi, rdx);
}

static void steps(const char *name, const u8 *code, u64 rdi, u64 rsi, u64 rdx)
{
	steps_wanted = 2;
	trace(name, code, rdi, rsi, rdx);
}

static void data_breakpoints(void)
{
	set_breakpoint(ADDR(buffer), WATCH_STORE_8);
	trace("data, MOV", store, ADDR(buffer), 0, 0);
	set_breakpoint(ADDR(buffer), WATCH_STORE_8);
	trace("data, SMSW", store_word_cr0, ADDR(buffer) + 6, 0, 0);
	buffer[0] = buffer[1] = read_cr0();
	set_breakpoint(ADDR(buffer), WATCH_ACCESS_8);
	trace("data, LMSW", load_word_cr0, ADDR(buffer), 0, 0);
	set_breakpoint(ADDR(buffer), WATCH_ACCESS_8);
	trace("data behind, LMSW", load_word_cr0, ADDR(buffer) + 8, 0, 0);
	set_breakpoint(ADDR(buffer), WATCH_STORE_8);
	trace("data stores, LMSW", load_word_cr0, ADDR(buffer), 0, 0);
	table("PTE, MOV", store, cold_pte);
	table("PTE, XCHG", exchange, cold_pte);
	table("PTE, CMPXCHG", compare_exchange, cold_pte);
	table("PTE, STOS", store_string, cold_pte);
	table("PTE, REP STOS", rep_store, cold_pte + 2);
	table("PTE behind, MOV", store, cold_pte + 1);
	fresh_page();
	buffer[0] = *cold_pte;
	set_breakpoint(ADDR(buffer), WATCH_ACCESS_8);
	trace("data read, MOVS to a PTE", move_string, ADDR(cold_pte), ADDR(buffer), 0);
}

static void stack_segment(void)
{
	watched_ss("MOV SS, CPUID", ss_cpuid, 0, 0);
	fresh_page();
	watched_ss("MOV SS, PTE", ss_store, ADDR(cold_pte), *cold_pte);
	fresh_page();
	make_cold();
	watched_ss("MOV SS, cold load", ss_load, COLD_VA, 0);
	watched_ss("MOV SS, MOV CR3", ss_cr3, 0, 0);
	watched_ss("MOV SS, INT3", ss_int3, 0, 0);
	watched_ss("MOV SS, UD2", ss_ud, 0, 0);
	watched_ss("MOV SS, INT1", ss_int1, 0, 0);
	watched_ss("MOV SS twice", ss_twice, 0, 0);
	steps("TF, MOV SS, CPUID", step_ss_cpuid, ADDR(&ss_word), 0, 0);
	fresh_page();
	steps("TF, MOV SS, PTE", step_ss_store, ADDR(&ss_word), ADDR(cold_pte), *cold_pte);
	fresh_page();
	make_cold();
	steps("TF, MOV SS, cold load", step_ss_load, ADDR(&ss_word), COLD_VA, 0);
	steps_wanted = 2;
	watched_ss("TF, MOV SS watched, CPUID", step_ss_cpuid, 0, 0);
}

static void single_steps(void)
{
	steps("TF, CPUID", step_cpuid, 0, 0, 0);
	fresh_page();
	steps_wanted = 6;
	trace("TF, REP STOS to PTEs", step_rep, ADDR(cold_pte), *cold_pte, 0);
	steps_wanted = 2;
	table("TF, PTE", step_store, NULL);
	/* A hypervisor that has carried the write out may look at the next access to a debug register. */
	steps_wanted = 2;
	table("PTE, TF, MOV from DR6", step_dr6, NULL);
	steps_wanted = 2;
	table("PTE, TF, MOV SS, MOV from DR6", step_ss_dr6, NULL);
	steps_wanted = 2;
	table("TF, watched PTE", step_store, cold_pte);
	steps("TF, INT3", step_int3, 0, 0, 0);
	steps("TF, INT1", step_int1, 0, 0, 0);
	steps("TF, UD2", step_ud, 0, 0, 0);
	steps("TF, #GP", step_gp, 0x44, 0, 0);
	steps("TF, #PF", step_load, COLD_VA + PAGE_2M, 0, 0);
	fresh_page();
	make_cold();
	steps("TF, cold", step_load, COLD_VA, 0, 0);
	steps("TF, MOV CR4", step_cr4, 0, 0, 0);
	steps("TF, INVLPG", step_invlpg, COLD_VA, 0, 0);
	steps("TF, CLTS", step_clts, 0, 0, 0);
	steps("TF, SMSW", step_smsw, 0, 0, 0);
	set_breakpoint(ADDR(buffer), WATCH_ACCESS_8);
	steps("TF, LMSW, watched", step_lmsw, ADDR(buffer), 0, 0);
	steps("TF, IRET", step_iret, 0, 0, 0);
	trace("GD, MOV from DR0", gd_read, 0, 0, 0);
	steps("GD and TF, CPUID", gd_step_cpuid, 0, 0, 0);
	steps_wanted = 2;
	table("GD and TF, PTE", gd_step_store, NULL);
}

/* Port 64h is one that notrap watches, 80h is not. */
static void ports(void)
{
	set_breakpoint(0x64, WATCH_PORT);
	trace("port 64h, CR4.DE off", in_80, 0, 0, 0);
	write_cr4(read_cr4() | CR4_DE);
	set_breakpoint(0x80, WATCH_PORT);
	trace("port 80h", in_80, 0, 0, 0);
	set_breakpoint(0x64, WATCH_PORT);
	trace("port 64h", in_64, 0, 0, 0);
	set_breakpoint(0x64, WATCH_PORT);
	steps("TF, port 64h", step_in_64, 0, 0, 0);
	write_cr4(read_cr4() & ~(u64)CR4_DE);
}

static void code_breakpoints(void)
{
	fresh_page();
	set_breakpoint(ADDR(at_rep_store), WATCH_CODE);
	trace("code, REP STOS", rep_store, ADDR(cold_pte), *cold_pte, 0);
	fresh_page();
	make_cold();
	set_breakpoint(ADDR(at_load), WATCH_CODE);
	trace("code, cold load", code_load, COLD_VA, 0, 0);
	fresh_page();
	set_breakpoint(ADDR(at_store), WATCH_CODE);
	trace("code, PTE", code_store, ADDR(cold_pte), *cold_pte, 0);
	set_breakpoint(ADDR(at_cpuid), WATCH_CODE);
	trace("code, CPUID", code_cpuid, 0, 0, 0);
}

/* A gate that is none: #GP on the way, and what becomes of the two. */
static void bad_gates(void)
{
	struct __attribute__((packed)) {
		u16 limit;
		u64 base;
	} idt;
	static const u8 vectors[] = {VEC_DE, VEC_UD, VECTOR_INT, VEC_GP, VEC_PF};
	static const char *const names[] = {"#DE", "#UD", "INT n", "#GP", "#PF"};
	const u8 *const codes[] = {gate_de, gate_ud, gate_int, gate_gp, gate_pf};

	__asm__ volatile("sidt %0" : "=m"(idt));
	for (u32 i = 0; i < ARRAY_SIZE(vectors); i++) {
		u8 *type = (u8 *)ptr(idt.base + 16 * vectors[i] + 5), old = *type;

		*type = 0x80;
		trace(names[i], codes[i], COLD_VA + PAGE_2M, 0, 0);
		*type = old;
	}
}

void trace_debug(void)
{
	bad_gates();
	data_breakpoints();
	stack_segment();
	single_steps();
	ports();
	code_breakpoints();
}
