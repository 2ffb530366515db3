/* SPDX-License-Identifier: MIT */
/* The CPU and the devices: as a stream finds them, and restored after whatever it did to them. */
#include "tests/guests/crashme/crashme.h"

#include "arch/string.h"
#include "guest/builtin/lib/64/idt.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"

#define APIC_ID         0x20
#define APIC_SPURIOUS   0xf0
#define APIC_ICR_HIGH   0x310
#define APIC_ON         0x1ff /* and the spurious vector */

#define FXSAVE_FCW      0
#define FXSAVE_MXCSR    24
#define XCR0_LEGACY_AVX 7

/* Stacks by their places in the TSS. */
enum { IST_DF = 1, IST_EVENTS, IST_DB, IST_NMI, IST_END };

/*
 * Nothing is pushed to the end of a stack. INT n of a vector that has an error code pushes none, so that SS
 * is read from there: it is to be the same in each run.
 */
#define STACK_ROOM 16

u64 base_cr0, base_cr3, base_cr4;

static u64 msr_pat, msr_efer;
static u32 xcr0; /* 0: no XSAVE */
static struct table_pointer idt_pointer;
static u8 stacks[IST_END][3 * PAGE_SIZE] __attribute__((aligned(16)));
static u8 fxsave[512] __attribute__((aligned(16)));

static struct tss *find_tss(void)
{
	extern u64 gdt[];
	const u64 *d = &gdt[SEL_TSS / 8];

	return ptr((d[0] >> 16 & 0xffffff) | d[0] >> 56 << 24 | d[1] << 32);
}

/* A stack for each event that may hit another one's handler, or a stream whose own stack is bad. */
static void set_stacks(void)
{
	struct tss *tss = find_tss();
	struct gate *idt;

	for (u32 i = IST_DF; i < IST_END; i++)
		tss->ist[i - 1] = ADDR(stacks[i] + sizeof(stacks[i]) - STACK_ROOM);
	__asm__ volatile("sidt %0" : "=m"(idt_pointer));
	idt = ptr(idt_pointer.base);
	for (u32 v = 0; v < VECTORS; v++) {
		if (v != VEC_DF)
			idt[v].ist = v == VEC_DB ? IST_DB : v == VEC_NMI ? IST_NMI : IST_EVENTS;
		if (v == VEC_BP || v == VEC_OF || v == VECTOR)
			idt[v].type |= GATE_DPL3;
	}
	/* A stream's INT 80h is #GP. */
	memset(&idt[VECTOR_DONE], 0, sizeof(idt[0]));
}

static void init_apic(void)
{
	volatile u32 *apic;

	map_identity(APIC, PAGE_SIZE);
	apic = ptr(APIC);
	apic[APIC_SPURIOUS / 4] = APIC_ON;
	apic[APIC_ICR_HIGH / 4] = apic[APIC_ID / 4];
	/* All of the PICs' lines are masked. */
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
}

void machine_init(void)
{
	u64 cr4 = CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	init_apic();
	segments_init();
	set_stacks();
	if (cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE) {
		cr4 |= CR4_OSXSAVE;
		xcr0 = cpuid(0xd, 0).eax & XCR0_LEGACY_AVX;
	}
	write_cr4(read_cr4() | cr4);
	write_cr0((read_cr0() | CR0_WP | CR0_MP | CR0_NE) & ~(CR0_CD | CR0_NW | CR0_EM | CR0_TS));
	base_cr0 = read_cr0();
	base_cr3 = read_cr3();
	base_cr4 = read_cr4();
	msr_efer = (rdmsr(MSR_EFER) | EFER_NXE) & ~EFER_SCE;
	msr_pat = rdmsr(MSR_PAT);
	*(u16 *)ptr(ADDR(fxsave) + FXSAVE_FCW) = 0x37f;
	*(u32 *)ptr(ADDR(fxsave) + FXSAVE_MXCSR) = 0x1f80;
}

static void restore_msrs(void)
{
	wrmsr(MSR_EFER, msr_efer);
	wrmsr(MSR_DEBUGCTL, 0);
	wrmsr(MSR_PAT, msr_pat);
	wrmsr(MSR_LSTAR, 0);
	wrmsr(MSR_FMASK, 0);
	wrmsr(MSR_SYSENTER_ESP, 0);
	wrmsr(MSR_SYSENTER_EIP, 0);
}

void machine_restore(void)
{
	breakpoints_clear();
	write_cr0(base_cr0);
	/* CR4 before CR3: a stream may have left CR4.PCIDE on. */
	write_cr4(base_cr4);
	write_cr3(base_cr3);
	__asm__ volatile("mov %0, %%cr8" : : "r"(0ULL));
	__asm__ volatile("lidt %0" : : "m"(idt_pointer));
	segments_restore();
	restore_msrs();
	__asm__ volatile("clts; fninit; fxrstor %0" : : "m"(fxsave));
	if (xcr0)
		__asm__ volatile("xsetbv" : : "a"(xcr0), "d"(0), "c"(0));
	out32(PORT_PCI_ADDRESS, 0);
	out8(PORT_CMOS, 0x10);
	out8(PORT_A, PORT_A_A20);
}
