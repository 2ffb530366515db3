/* SPDX-License-Identifier: MIT */
/* What a CPU answers to values of control registers and MSRs that it refuses. */
#include "arch/string.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "tests/guests/trace/trace.h"

#define CR4_RESERVED BIT(15)

extern const u8 write_cr0_[], write_cr3_[], write_cr4_[], write_cr8_[], read_cr1[], lock_cr0[],
	write_msr[], write_xcr[], invpcid_[], bad_smm[], ss_bad_cr4[], sti_bad_cr4[],
	step_ss_bad_cr4[];

static u16 ss_word = SEL_DATA;

static void control_registers(u64 cr0, u64 cr3, u64 cr4)
{
	trace("CR0, bit 32", write_cr0_, cr0 | BIT(32), 0, 0);
	trace("CR0, bit 63", write_cr0_, cr0 | BIT(63), 0, 0);
	trace("CR0, no PG", write_cr0_, cr0 & ~(u64)CR0_PG, 0, 0);
	trace("CR0, no PE", write_cr0_, cr0 & ~(u64)CR0_PE, 0, 0);
	trace("CR0, no PE, no PG", write_cr0_, cr0 & ~(u64)(CR0_PE | CR0_PG), 0, 0);
	trace("CR0, nothing", write_cr0_, 0, 0, 0);
	trace("CR0, bit 32 alone", write_cr0_, BIT(32), 0, 0);
	trace("CR0, NW without CD", write_cr0_, cr0 | CR0_NW, 0, 0);
	write_cr0(cr0);
	trace("CR3, bit 63", write_cr3_, cr3 | BIT(63), 0, 0);
	trace("CR3, bit 62", write_cr3_, cr3 | BIT(62), 0, 0);
	trace("CR3, bit 51", write_cr3_, cr3 | BIT(51), 0, 0);
	trace("CR4, no PAE", write_cr4_, cr4 & ~(u64)CR4_PAE, 0, 0);
	trace("CR4, LA57 on", write_cr4_, cr4 | CR4_LA57, 0, 0);
	trace("CR4, bit 15", write_cr4_, cr4 | CR4_RESERVED, 0, 0);
	trace("CR4, bit 31", write_cr4_, cr4 | BIT(31), 0, 0);
	trace("CR4, bit 63", write_cr4_, cr4 | BIT(63), 0, 0);
	write_cr3(cr3 | CR3_PWT);
	trace("CR4, PCIDE with CR3 bit 3", write_cr4_, cr4 | CR4_PCIDE, 0, 0);
	write_cr3(cr3);
	trace("CR8, 16", write_cr8_, 16, 0, 0);
	trace("CR8, 5", write_cr8_, 5, 0, 0);
	trace("CR1", read_cr1, 0, 0, 0);
	trace("RSM", bad_smm, 0, 0, 0);
}

/* With PCIDE, CR3's low bits are an identifier, and its bit 63 is allowed. */
static void identifiers(u64 cr0, u64 cr3, u64 cr4)
{
	if (!(cpuid(1, 0).ecx & BIT(17)))
		return;
	write_cr4(cr4 | CR4_PCIDE);
	trace("PCIDE: CR3, bit 63", write_cr3_, cr3 | BIT(63), 0, 0);
	trace("PCIDE: CR3, bit 51", write_cr3_, cr3 | BIT(51), 0, 0);
	trace("PCIDE: CR3, identifier", write_cr3_, cr3 | 5, 0, 0);
	trace("PCIDE: CR0, no PG", write_cr0_, cr0 & ~(u64)CR0_PG, 0, 0);
	trace("PCIDE: CR0, nothing", write_cr0_, 0, 0, 0);
	write_cr4(cr4);
}

static void other_registers(void)
{
	u64 efer = rdmsr(MSR_EFER);

	trace("EFER, bit 63", write_msr, MSR_EFER, efer | BIT(63), 0);
	trace("EFER, bit 1", write_msr, MSR_EFER, efer | BIT(1), 0);
	trace("EFER, no LME", write_msr, MSR_EFER, efer & ~(u64)EFER_LME, 0);
	trace("EFER, as it is", write_msr, MSR_EFER, efer, 0);
	trace("APIC_BASE, reserved", write_msr, MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | 1, 0);
	if (!(cpuid(1, 0).ecx & BIT(26)))
		return;
	trace("XSETBV, OSXSAVE off", write_xcr, 0, 1, 0);
	write_cr4(read_cr4() | CR4_OSXSAVE);
	trace("XCR0, 0", write_xcr, 0, 0, 0);
	trace("XCR0, x87", write_xcr, 0, 1, 0);
	trace("XCR0, AVX without SSE", write_xcr, 0, 5, 0);
	trace("XCR0, bit 63", write_xcr, 0, BIT(63) | 1, 0);
	trace("XCR1", write_xcr, 1, 1, 0);
}

static void invpcid(void)
{
	static u64 descriptor[2] __attribute__((aligned(16)));

	if (!(cpuid(7, 0).ebx & BIT(10)))
		return;
	trace("INVPCID, type 4", invpcid_, 4, ADDR(descriptor), 0);
	descriptor[0] = 1;
	trace("INVPCID, 1 without PCIDE", invpcid_, 0, ADDR(descriptor), 0);
	descriptor[0] = BIT(12);
	trace("INVPCID, reserved", invpcid_, 2, ADDR(descriptor), 0);
	descriptor[0] = 0;
	set_breakpoint(ADDR(descriptor) + 8, WATCH_ACCESS_8);
	trace("INVPCID, watched", invpcid_, 2, ADDR(descriptor), 0);
	descriptor[1] = BIT(47);
	trace("INVPCID, not canonical", invpcid_, 0, ADDR(descriptor), 0);
	trace("INVPCID, no descriptor", invpcid_, 2, COLD_VA + PAGE_2M, 0);
	trace("INVPCID, descriptor not canonical", invpcid_, 2, BIT(47), 0);
}

/* The same faults where something holds events off. */
static void shadows(void)
{
	trace("MOV SS, bad CR4", ss_bad_cr4, ADDR(&ss_word), 0, 0);
	steps_wanted = 2;
	trace("TF, MOV SS, bad CR4", step_ss_bad_cr4, ADDR(&ss_word), 0, 0);
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
	trace("STI, bad CR4", sti_bad_cr4, 0, 0, 0);
}

void trace_registers(void)
{
	/* The loader may have left the caches off. */
	write_cr0(read_cr0() & ~(u64)(CR0_CD | CR0_NW));
	control_registers(read_cr0(), read_cr3(), read_cr4());
	identifiers(read_cr0(), read_cr3(), read_cr4());
	other_registers();
	invpcid();
	shadows();
	print("trace: CR0 %lx CR4 %lx EFER %lx\n", read_cr0(), read_cr4(), rdmsr(MSR_EFER));
}
