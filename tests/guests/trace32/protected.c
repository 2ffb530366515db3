/* SPDX-License-Identifier: MIT */
/* Registers, steps, ports and segments in protected mode. */
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "tests/guests/trace32/trace32.h"

extern const u8 write_cr0_[], write_cr3_[], write_cr4_[], write_msr[], read_cr1[], read_cr7[],
	clear_ts[], loadall[], ss_cpuid[], cpuid_based[], at_cpuid_based[], resumed_cpuid[],
	at_cpuid[], overflow[], load[], rep_ins[], rep_insd[], step_rep_outsd[], ins_16[],
	outs_16[], store[], step_store[], ss_store[], cmpxchg_pair[], rep_store[], store_based[],
	at_store_based[], gd_step_store[];

#define KEYBOARD 0x64  /* watched, as are the next */
#define PCI      0xcf8 /* four bytes */
#define DEVICE   0x80  /* not watched */

static u16 ss_word = SEL_DATA;

static void registers(void)
{
	u32 cr0 = read_cr0(), cr3 = read_cr3(), cr4 = read_cr4();

	trace("CR0, NW without CD", write_cr0_, cr0 | CR0_NW, 0, 0);
	trace("CR0, bit 6", write_cr0_, cr0 | BIT(6), 0, 0);
	trace("CR0, PG without PE", write_cr0_, (cr0 | CR0_PG) & ~CR0_PE, 0, 0);
	trace("CR3, low bits", write_cr3_, cr3 | 0x18, 0, 0);
	trace("CR1", read_cr1, 0, 0, 0);
	trace("CR7", read_cr7, 0, 0, 0);
	trace("CLTS, LMSW", clear_ts, cr0 & ~1U, 0, 0);
	trace("RSM", loadall, 0, 0, 0);
	print("trace: CR0 %x\n", (u32)read_cr0() & 0xffff);
	trace("CR4, bit 15", write_cr4_, cr4 | BIT(15), 0, 0);
	trace("CR4, bit 31", write_cr4_, cr4 | BIT(31), 0, 0);
	trace("CR4, PCIDE", write_cr4_, cr4 | CR4_PCIDE, 0, 0);
	trace("CR4, DE and back", write_cr4_, cr4 ^ CR4_DE, 0, 0);
	trace("EFER, bit 1", write_msr, MSR_EFER, rdmsr(MSR_EFER) | BIT(1), 0);
	if (read_cr0() & CR0_PG)
		trace("EFER, LME", write_msr, MSR_EFER, rdmsr(MSR_EFER) | EFER_LME, 0);
}

static void debugging(void)
{
	watch(0, ADDR(&ss_word), ACCESS_4);
	trace("MOV SS, CPUID", ss_cpuid, ADDR(&ss_word), 0, 0);
	if (!on_tcg) {
		watch(0, ADDR(at_cpuid_based), CODE);
		trace("code with a base, CPUID", cpuid_based, 0, 0, 0);
	}
	watch(0, ADDR(at_cpuid), CODE);
	trace("RF, CPUID", resumed_cpuid, 0, 0, 0);
	steps_wanted = 3;
	trace("INTO", overflow, 0, 0, 0);
}

static void ports(void)
{
	write_cr4(read_cr4() | CR4_DE);
	watch(0, KEYBOARD, PORT_1);
	trace("REP INS", rep_ins, ADDR(buffer), KEYBOARD, 3);
	watch(0, PCI, PORT_4);
	trace("REP INSD", rep_insd, ADDR(buffer), PCI, 3);
	for (u32 i = 0; i < 4; i++)
		buffer[i] = 0x80000000;
	watch(0, PCI, PORT_4);
	steps_wanted = 5;
	trace("TF, REP OUTSD", step_rep_outsd, ADDR(buffer), PCI, 3);
	write_cr4(read_cr4() & ~(reg)CR4_DE);
	trace("a16, REP INS", ins_16, 0x90000 | LOW_DATA, KEYBOARD, 0);
	trace("a16, OUTS", outs_16, 0x90000 | LOW_DATA, DEVICE, 0);
}

#define IN_SEGMENT(name) \
	extern const u8 ins_##name[], outs_##name[], smsw_##name[], lmsw_##name[], invpcid_##name[]
IN_SEGMENT(small);
IN_SEGMENT(down);
IN_SEGMENT(read);
IN_SEGMENT(null);

static void in_segment(const char *name, const u8 *const code[5], u32 offset)
{
	print("trace: = %s, %x\n", name, offset);
	trace("INS", code[0], offset, PCI, 0);
	buffer[0] = buffer[7] = 0x80000000;
	trace("OUTS", code[1], offset, PCI, 0);
	trace("SMSW", code[2], offset, 0, 0);
	buffer[0] = buffer[7] = read_cr0();
	trace("LMSW", code[3], offset, 0, 0);
	for (u32 i = 0; i < 8; i++)
		buffer[i] = 0;
	if (cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & BIT(10)))
		trace("INVPCID", code[4], offset, 0, 0);
}

#define CODES(name)                                                               \
	(const u8 *const[])                                                       \
	{                                                                         \
		ins_##name, outs_##name, smsw_##name, lmsw_##name, invpcid_##name \
	}

static void segments(void)
{
	static const u32 offsets[] = {0, 16, 28, 29, 31, 32, ~0U - 3, ~0U};

	for (u32 i = 0; i < ARRAY_SIZE(offsets); i++)
		in_segment("limit 31", CODES(small), offsets[i]);
	in_segment("expand-down", CODES(down), 0xfffff000);
	in_segment("expand-down", CODES(down), 0xffffeffe);
	in_segment("expand-down", CODES(down), 0xffffffff);
	in_segment("read-only", CODES(read), 0);
	in_segment("null", CODES(null), 0);
}

void test_protected(void)
{
	registers();
	debugging();
	ports();
	/* Reads of CR0 exit on SVM without WP. */
	write_cr0(read_cr0() & ~(reg)CR0_WP);
	segments();
	write_cr0(read_cr0() | CR0_WP);
}

static entry_t cold(void)
{
	entry_t pte = entry_of(COLD_VA, 1);

	entry_set(pte, page_alloc(1, PAGE_SIZE) | LEAF);
	reload_cr3();
	(void)*(volatile u8 *)ptr(COLD_VA);
	return pte;
}

/* A store to a table at a breakpoint of `kind`. */
static void table(const char *name, const u8 *code, u32 offset, u32 kind)
{
	entry_t pte = cold();

	watch(0, ADDR(pte) + offset, kind);
	trace(name, code, ADDR(pte), (u32)entry_get(pte), 0);
}

void test_tables(void)
{
	entry_t pte;

	table("PTE", store, 0, STORE_4);
	table("PTE, a byte", store, 3, STORE_1);
	steps_wanted = 2;
	table("TF, PTE", step_store, 0, STORE_4);
	steps_wanted = 2;
	table("TF, MOV SS, PTE", ss_store, 0, STORE_4);
	table("CMPXCHG8B", cmpxchg_pair, 4, STORE_4);
	table("REP STOS", rep_store, 8, STORE_4);
	steps_wanted = 2;
	table("GD, TF, PTE", gd_step_store, 0, STORE_4);
	pte = cold();
	if (!on_tcg)
		watch(0, ADDR(at_store_based), CODE);
	watch(1, ADDR(pte), STORE_4);
	steps_wanted = 4;
	trace("code with a base, TF, PTE", store_based, ADDR(pte), (u32)entry_get(pte), 0);
	entry_set((u8 *)pte + 4 * (paging_now == PAGING_PAE) + 4, 0);
	trace("INS, #PF", rep_ins, COLD_VA + PAGE_SIZE - 2, KEYBOARD, 4);
	trace("#PF", load, COLD_VA + PAGE_SIZE, 0, 0);
	entry_set(pte, entry_get(pte) & ~(u64)(PTE_A | PTE_D));
	invlpg(COLD_VA);
	trace("cold load", load, COLD_VA, 0, 0);
}
