/* SPDX-License-Identifier: MIT */
/*
 * What few kernels do: stores to tables of every size, at breakpoints of every length and at a page's
 * end, RF set where an instruction exits, DR7.GD; SDM vol. 3B 18.2, 18.3.
 */
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "tests/guests/trace/trace.h"

extern const u8 store_byte[], store_word[], store_dword[], store_high[], store_nt[], add_reg[],
	negate[], set_far_bit[], failing_cmpxchg[], cmpxchg_pair[], failing_pair[], no_store[],
	push_to[], call_to[], move_up[], move_down[], move_bytes[], step_move_up[], ss_rep[],
	two_stores[], step_two_stores[], store[];
extern const u8 gd_store_read[], gd_write_dr7[], gd_dr4[], gd_step_dr[], gd_int1[], gd_step_in[],
	gd_step_outs[], gd_ss_dr[], dr4_read[], dr7_high[], dr6_high[];

#define RF(name) extern const u8 resumed_##name[], at_##name[]
RF(store_rf);
RF(cr3_rf);
RF(in_rf);
RF(invlpg_rf);
RF(load_rf);
RF(cr4_rf);
RF(gp_rf);
RF(int3_rf);
RF(int_rf);
RF(invd_rf);
RF(outs_rf);
RF(smsw_rf);
RF(rep_rf);
RF(cpuid_rf);

#define EDGE_VA (COLD_VA + 8 * PAGE_SIZE) /* RAM, COLD_VA's table, nothing */

static u64 buffer[64] __attribute__((aligned(64)));

void watch(u32 nr, u64 address, u32 kind)
{
	u64 dr7;

	if (nr)
		__asm__ volatile("mov %0, %%dr1" : : "r"(address));
	else
		__asm__ volatile("mov %0, %%dr0\n\tmov %1, %%dr6" : : "r"(address), "r"(DR6_NONE));
	__asm__ volatile("mov %%dr7, %0" : "=r"(dr7));
	__asm__ volatile("mov %0, %%dr7" : : "r"(dr7 | (u64)kind << (16 + 4 * nr) | 2 << 2 * nr));
}

/* A table that is not written for a while; breakpoint 0 is `offset` bytes behind the entry. */
static void table(const char *name, const u8 *code, u64 to, u32 offset, u32 kind)
{
	fresh_page();
	watch(0, ADDR(cold_pte) + offset, kind);
	trace(name, code, ADDR(cold_pte) + to, *cold_pte >> 8 * (to % 8), 2);
}

static void sizes(void)
{
	table("byte 3 of PTE, its byte", store_byte, 3, 3, STORE_1);
	table("byte 3 of PTE, next byte", store_byte, 3, 4, STORE_1);
	table("byte 3 of PTE, word", store_byte, 3, 3, STORE_2);
	table("word 6 of PTE, its byte", store_word, 6, 7, STORE_1);
	table("upper half, lower half watched", store_dword, 4, 0, STORE_4);
	table("upper half, entry watched", store_dword, 4, 0, ACCESS_8);
	table("across two entries, the second", store_dword, 6, 8, STORE_2);
	table("across two entries, word", store_word, 7, 8, STORE_1);
	table("high byte", store_high, 1, 1, STORE_1);
	table("MOVNTI", store_nt, 0, 4, STORE_4);
	table("XADD", add_reg, 16, 16, ACCESS_8);
	table("NOT", negate, 16, 18, STORE_2);
	table("BTS of the next", set_far_bit, 0, 8, STORE_8);
	table("BTS, not the next", set_far_bit, 0, 0, STORE_8);
	table("CMPXCHG that fails", failing_cmpxchg, 0, 0, ACCESS_8);
	table("CMPXCHG16B", cmpxchg_pair, 0, 8, STORE_8);
	table("REP STOS, none", no_store, 0, 0, ACCESS_8);
	table("PUSH", push_to, 16, 8, STORE_8);
	table("CALL", call_to, 24, 16, STORE_8);
	table("two stores", two_stores, 0, 0, STORE_8);
	steps_wanted = 4;
	table("TF, two stores", step_two_stores, 0, 0, STORE_8);
	fresh_page();
	watch(0, ADDR(cold_pte), STORE_4);
	watch(1, ADDR(cold_pte) + 4, STORE_1);
	trace("two breakpoints", store, ADDR(cold_pte), *cold_pte, 0);
	fresh_page();
	watch(0, ADDR(cold_pte) + PAGE_SIZE - 4, STORE_4);
	watch(1, ADDR(cold_pte) + PAGE_SIZE, STORE_1);
	trace("across the table's end", store, ADDR(cold_pte) + PAGE_SIZE - 4, 0, 0);
}

/* RCX elements are moved; EDGE_VA's second page is COLD_VA's table. */
static void moves(void)
{
	fresh_page();
	cold_pte[8] = page_alloc(1, PAGE_SIZE) | LEAF;
	cold_pte[9] = ALIGN_DOWN(ADDR(cold_pte), PAGE_SIZE) | LEAF;
	reload_cr3();
	buffer[0] = buffer[1] = buffer[2] = buffer[3] = *cold_pte;
	watch(0, EDGE_VA + PAGE_SIZE - 8, STORE_8);
	watch(1, EDGE_VA + PAGE_SIZE, STORE_8);
	trace("MOVS from RAM into a table", move_up, EDGE_VA + PAGE_SIZE - 16, ADDR(buffer), 3);
	steps_wanted = 5;
	watch(0, EDGE_VA + PAGE_SIZE, STORE_8);
	trace("the same, TF", step_move_up, EDGE_VA + PAGE_SIZE - 16, ADDR(buffer), 3);
	watch(0, EDGE_VA + PAGE_SIZE, STORE_8);
	trace("the same, down", move_down, EDGE_VA + PAGE_SIZE + 8, ADDR(buffer + 3), 3);
	buffer[8] = 0;
	watch(0, EDGE_VA + 2 * PAGE_SIZE - 8, STORE_8);
	trace("MOVS past a table", move_up, EDGE_VA + 2 * PAGE_SIZE - 16, ADDR(buffer + 8), 3);
	watch(0, EDGE_VA + 2 * PAGE_SIZE - 8, STORE_8);
	trace("bytes past a table", move_bytes, EDGE_VA + 2 * PAGE_SIZE - 4, ADDR(buffer + 8), 7);
	watch(0, COLD_VA + PAGE_SIZE - 16, ACCESS_8);
	trace("MOVS from nothing", move_up, ADDR(cold_pte + 16), COLD_VA + PAGE_SIZE - 16, 3);
	print("trace: after: %lx %lx\n", cold_pte[16], cold_pte[17]);
	steps_wanted = 3;
	trace("TF, MOVS from nothing", step_move_up, ADDR(cold_pte + 16), COLD_VA + PAGE_SIZE - 16,
	      3);
	steps_wanted = 4;
	watch(0, ADDR(cold_pte + 17), STORE_8);
	trace("TF, MOV SS, MOVS", ss_rep, ADDR(cold_pte + 16), ADDR(buffer + 8), 3);
	cold_pte[8] = cold_pte[9] = 0;
}

static void resumed(const char *name, const u8 *code, const u8 *at, u64 rdi, u64 rsi)
{
	watch(0, ADDR(at), CODE);
	trace(name, code, rdi, rsi, 0x64);
}

#define RESUMED(name, rdi, rsi) resumed("RF at " #name, resumed_##name, at_##name, rdi, rsi)

static void resume_flag(void)
{
	fresh_page();
	RESUMED(store_rf, ADDR(cold_pte), *cold_pte);
	RESUMED(cr3_rf, 0, read_cr3());
	RESUMED(in_rf, 0, 0);
	RESUMED(invlpg_rf, COLD_VA, 0);
	make_cold();
	RESUMED(load_rf, COLD_VA, 0);
	RESUMED(load_rf, COLD_VA + PAGE_2M, 0);
	RESUMED(cr4_rf, 0, read_cr4());
	if (!on_tcg)
		RESUMED(gp_rf, read_cr4() | BIT(15), 0);
	RESUMED(int3_rf, 0, 0);
	RESUMED(int_rf, 0, 0);
	RESUMED(invd_rf, 0, 0);
	buffer[0] = 0xaeae; /* enable the keyboard */
	RESUMED(outs_rf, 0, ADDR(buffer));
	RESUMED(smsw_rf, ADDR(buffer), 0);
	RESUMED(cpuid_rf, 0, 0);
	fresh_page();
	RESUMED(rep_rf, ADDR(cold_pte), *cold_pte);
}

static void general_detect(void)
{
	fresh_page();
	trace("GD, PTE, MOV from DR6", gd_store_read, ADDR(cold_pte), *cold_pte, 0);
	trace("GD, MOV to DR7", gd_write_dr7, 0, 0x400, 0);
	trace("GD, MOV from DR4", gd_dr4, 0, 0, 0);
	steps_wanted = 3;
	trace("GD, TF, MOV from DR3", gd_step_dr, 0, 0, 0);
	trace("GD, INT1", gd_int1, 0, 0, 0);
	steps_wanted = 2;
	trace("GD, TF, IN", gd_step_in, 0, 0, 0);
	steps_wanted = 3;
	trace("GD, TF, INS", gd_step_outs, ADDR(buffer), 0, 0);
	trace("GD, MOV SS, MOV from DR0", gd_ss_dr, 0, 0, 0);
	write_cr4(read_cr4() | CR4_DE);
	trace("DE, GD, MOV from DR4", gd_dr4, 0, 0, 0);
	trace("DE, MOV from DR4", dr4_read, 0, 0, 0);
	write_cr4(read_cr4() & ~(u64)CR4_DE);
	trace("DR7, bit 32", dr7_high, BIT(32) | 0x400, 0, 0);
	trace("DR6, bit 32", dr6_high, BIT(32), 0, 0);
}

void trace_odd(void)
{
	sizes();
	moves();
	resume_flag();
	general_detect();
}
