/* SPDX-License-Identifier: MIT */
/*
 * Ports, interrupts and compatibility mode, as few kernels use them: string I/O that faults, at
 * breakpoints, with segments; what an STI holds off; instructions that exit in 32-bit code.
 */
#include "arch/string.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "tests/guests/trace/trace.h"

extern const u8 in_byte[], in_word[], in_dword[], out_dword[], ins_byte[], ins_dword[], rep_ins[],
	at_rep_ins[], rep_insd[], rep_outsd[], step_rep_ins[], ss_ins[], ins_down[], ins_32[],
	outs_fs[], outs_fs_32[], outs_word[];
extern const u8 sti_store[], sti_cr3[], sti_in[], sti_rep[], sti_load[], sti_bad[], popf_store[],
	nmi_store[], step_sti_store[], cr8_store[];
extern const u8 store_32[], step_store_32[], cpuid_32[], at_cpuid_32[], cr_32[], cr0_no_pe_32[],
	cr4_32[], cr4_bit_32[], in_32[], rep_ins_32[], rep_outs_32[], ins_fs_32[], ins_es_32[],
	smsw_fs_32[], lmsw_fs_32[], load_32[], ss_store_32[], invpcid_32[], invpcid_fs_32[],
	msr_32[], rep_store_32[], sysenter_32[], at_sysenter[], smsw[], smsw_stack[], lmsw[],
	smsw_cs_32[], lmsw_cs_32[];

#define KEYBOARD       0x64  /* watched */
#define PCI            0xcf8 /* watched */
#define DEVICE         0x80  /* not watched */
#define FS_BASE        0xc0000100
#define SYSENTER_CS    0x174
#define SYSENTER_EIP   0x176
#define PCI_BUS_0      0x80000000U
#define LOW_VA         0xd0000000
#define SEL_SMALL      0x40
#define NOT_THERE      (COLD_VA + PAGE_2M)
#define NOT_AN_ADDRESS BIT(47)

static u64 buffer[64] __attribute__((aligned(64)));

static void port(const char *name, const u8 *code, u64 rdi, u64 rsi, u64 at, u32 kind)
{
	watch(0, at, kind);
	trace(name, code, rdi, rsi, 3);
}

static void breakpoints(void)
{
	write_cr4(read_cr4() | CR4_DE);
	port("IN 64h, 63h of two", in_byte, 0x64, 0, 0x63, PORT_2);
	port("IN 64h, 65h of two", in_byte, 0x64, 0, 0x65, PORT_2);
	port("IN 64h, 67h of four", in_byte, 0x64, 0, 0x67, PORT_4);
	port("IN 64h, 61h of four", in_byte, 0x64, 0, 0x61, PORT_4);
	port("IN 63h of two", in_word, 0x63, 0, 0x64, PORT_1);
	port("IN 61h of four", in_dword, 0x61, 0, 0x64, PORT_2);
	port("IN 60h of four", in_dword, 0x60, 0, 0x64, PORT_4);
	port("IN CF8h", in_dword, PCI, 0, PCI + 3, PORT_1);
	port("OUT CF8h", out_dword, PCI, PCI_BUS_0, PCI, PORT_4);
	port("IN 80h of four", in_dword, DEVICE, 0, DEVICE + 3, PORT_1);
	port("INS 64h", ins_byte, ADDR(buffer), KEYBOARD, KEYBOARD, PORT_1);
	port("INS CF8h", ins_dword, ADDR(buffer), PCI, PCI, PORT_4);
	port("REP INS 64h", rep_ins, ADDR(buffer), KEYBOARD, KEYBOARD, PORT_1);
	buffer[0] = buffer[1] = (u64)PCI_BUS_0 << 32 | PCI_BUS_0;
	port("REP OUTS CF8h", rep_outsd, ADDR(buffer), PCI, PCI, PORT_4);
	steps_wanted = 4;
	port("TF, REP INS 64h", step_rep_ins, ADDR(buffer), KEYBOARD, KEYBOARD, PORT_1);
	watch(1, ADDR(buffer) + 1, STORE_1);
	port("REP INS 64h, data too", rep_ins, ADDR(buffer), KEYBOARD, KEYBOARD, PORT_1);
	steps_wanted = 2;
	port("TF, MOV SS, INS", ss_ins, ADDR(buffer), KEYBOARD, KEYBOARD, PORT_1);
	port("INS, code", rep_ins, ADDR(buffer), KEYBOARD, ADDR(at_rep_ins), CODE);
	write_cr4(read_cr4() & ~(u64)CR4_DE);
}

static void string_io(void)
{
	u64 small = ADDR(buffer);

	fresh_page();
	trace("INS, nothing there", ins_byte, NOT_THERE, KEYBOARD, 0);
	trace("INS, no address", ins_byte, NOT_AN_ADDRESS, KEYBOARD, 0);
	trace("INSD, past the last address", ins_dword, NOT_AN_ADDRESS - 2, PCI, 0);
	trace("REP INS, runs out", rep_ins, COLD_VA + PAGE_SIZE - 2, KEYBOARD, 4);
	trace("REP INSD, runs out", rep_insd, COLD_VA + PAGE_SIZE - 6, PCI, 2);
	trace("REP OUTSD, runs out", rep_outsd, COLD_VA + PAGE_SIZE - 4, PCI, 2);
	trace("REP OUTSD, no address", rep_outsd, NOT_AN_ADDRESS - 4, PCI, 2);
	*cold_pte &= ~(u64)PTE_W;
	invlpg(COLD_VA);
	trace("INS, read-only", ins_byte, COLD_VA + 8, KEYBOARD, 0);
	fresh_page();
	watch(0, ADDR(cold_pte) + 16, ACCESS_8);
	trace("INSD to a PTE", ins_dword, ADDR(cold_pte) + 16, PCI, 0);
	cold_pte[2] = 0;
	out32(PCI, PCI_BUS_0);
	trace("INSD down", ins_down, ADDR(buffer) + 32, PCI, 3);
	print("trace: %lx %lx\n", buffer[3], buffer[4]);
	trace("a32 REP INS", ins_32, small, KEYBOARD, 3);
	wrmsr(FS_BASE, small);
	trace("FS: OUTSD", outs_fs, 0, PCI, 0);
	wrmsr(FS_BASE, small + 4 - (1ULL << 32));
	trace("a32 FS: OUTSD", outs_fs_32, 0, PCI, 0);
	wrmsr(FS_BASE, 0);
	trace("OUTSW 64h", outs_word, ADDR(buffer + 8), PCI + 1, 0);
}

/* An interrupt that the code sends to itself, while they are off. */
static void interrupts(void)
{
	u64 icr = APIC + ICR_LOW;

	fresh_page();
	trace("STI, PTE", sti_store, ADDR(cold_pte), *cold_pte, icr);
	trace("STI, CR3", sti_cr3, 0, 0, icr);
	trace("STI, IN", sti_in, 0, 0, icr);
	trace("STI, REP STOS", sti_rep, ADDR(cold_pte), *cold_pte, icr);
	cold_pte[1] = cold_pte[2] = 0;
	make_cold();
	trace("STI, cold load", sti_load, COLD_VA, 0, icr);
	trace("STI, #PF", sti_load, NOT_THERE, 0, icr);
	trace("STI, bad CR4", sti_bad, read_cr4() | BIT(15), 0, icr);
	steps_wanted = 2;
	trace("POPF with TF and IF, PTE", popf_store, ADDR(cold_pte), *cold_pte, icr);
	trace("NMI, PTE", nmi_store, ADDR(cold_pte), *cold_pte, icr);
	watch(0, ADDR(cold_pte), STORE_8);
	trace("NMI, watched PTE", nmi_store, ADDR(cold_pte), *cold_pte, icr);
	watch(0, ADDR(cold_pte), STORE_8);
	trace("STI, watched PTE", sti_store, ADDR(cold_pte), *cold_pte, icr);
	steps_wanted = 3;
	trace("TF, STI, PTE", step_sti_store, ADDR(cold_pte), *cold_pte, icr);
	trace("STI under CR8, PTE", cr8_store, ADDR(cold_pte), *cold_pte, icr);
}

/* FS: `size` bytes from `base` on. */
static void small_segment(u64 base, u64 size)
{
	extern u64 gdt[];
	static u64 table[9];
	struct __attribute__((packed)) {
		u16 limit;
		u64 base;
	} pointer = {sizeof(table) - 1, ADDR(table)};

	memcpy(table, gdt, 8 * sizeof(table[0]));
	table[8] = (size - 1) | (base & 0xffffff) << 16 | 0x4093ULL << 40 | (base >> 24) << 56;
	__asm__ volatile("lgdt %0\n\tmov %1, %%fs" : : "m"(pointer), "r"(SEL_SMALL));
}

/*
 * #UD on AMD's CPUs; emulators of these carry it out, and QEMU's leave a CS with both L and D behind,
 * which VMRUN takes from no guest. RSP is none until it is loaded there.
 */
static void sysenter(void)
{
	wrmsr(SYSENTER_CS, SEL_CODE);
	wrmsr(SYSENTER_EIP, ADDR(at_sysenter));
	trace("32: SYSENTER, CPUID", sysenter_32, 0, 0, 0);
	wrmsr(SYSENTER_CS, 0);
}

static void compatibility(void)
{
	u64 *low = entry_of(paging_root, LOW_VA, 1);

	*low = page_alloc(1, PAGE_SIZE) | LEAF;
	(void)*(volatile u8 *)ptr(LOW_VA);
	reload_cr3();
	(void)*(volatile u8 *)ptr(LOW_VA);
	watch(0, ADDR(low), STORE_4);
	trace("32: PTE", store_32, ADDR(low), *low, 0);
	steps_wanted = 2;
	watch(0, ADDR(low), STORE_4);
	trace("32: TF, PTE", step_store_32, ADDR(low), *low, 0);
	steps_wanted = 2;
	watch(0, ADDR(low), STORE_4);
	trace("32: TF, MOV SS, PTE", ss_store_32, ADDR(low), *low, 0);
	watch(0, ADDR(low + 1), STORE_4);
	trace("32: REP STOS", rep_store_32, ADDR(low), *low, 0);
	*low = (u32)*low;
	low[1] = 0;
	watch(0, ADDR(at_cpuid_32), CODE);
	trace("32: CPUID", cpuid_32, 0, 0, 0);
	sysenter();
	trace("32: CRs", cr_32, ADDR(buffer), LOW_VA, 0);
	trace("32: CR0, no PE", cr0_no_pe_32, 0, 0, 0);
}

static void compatibility_more(void)
{
	u64 *low = entry_of(paging_root, LOW_VA, 1);

	if (!on_tcg) {
		trace("32: CR4, no PAE", cr4_32, 0, 0, 0);
		trace("32: CR4, bit 15", cr4_bit_32, 0, 0, 0);
		trace("32: EFER, bit 1", msr_32, 0, 0, 0);
	}
	write_cr4(read_cr4() | CR4_DE);
	watch(0, PCI, PORT_4);
	watch(1, KEYBOARD, PORT_1);
	trace("32: IN", in_32, 0, 0, 0);
	watch(0, KEYBOARD, PORT_1);
	trace("32: REP INS", rep_ins_32, ADDR(buffer), KEYBOARD, 0);
	write_cr4(read_cr4() & ~(u64)CR4_DE);
	trace("32: REP INS, runs out", rep_ins_32, LOW_VA + PAGE_SIZE - 2, KEYBOARD, 0);
	buffer[0] = (u64)PCI_BUS_0 << 32 | PCI_BUS_0;
	trace("32: REP OUTS", rep_outs_32, ADDR(buffer), PCI, 0);
	*low &= ~(u64)(PTE_A | PTE_D);
	invlpg(LOW_VA);
	trace("32: cold load", load_32, LOW_VA, 0, 0);
	trace("32: #PF", load_32, LOW_VA + PAGE_SIZE, 0, 0);
	small_segment(ADDR(buffer), 32);
	trace("32: FS: OUTS", ins_fs_32, 0, KEYBOARD, 0);
	trace("32: FS: OUTS, past the limit", ins_fs_32, 32, KEYBOARD, 0);
	trace("32: ES: INS", ins_es_32, 31, KEYBOARD, 0);
	trace("32: ES: INS, past the limit", ins_es_32, 32, KEYBOARD, 0);
	trace("32: SMSW", smsw_fs_32, 30, 0, 0);
	trace("32: SMSW, past the limit", smsw_fs_32, 31, 0, 0);
	buffer[1] = read_cr0();
	trace("32: LMSW", lmsw_fs_32, 8, 0, 0);
	trace("32: LMSW, past the limit", lmsw_fs_32, 31, 0, 0);
	/* Reads of CR0 exit on SVM then. */
	write_cr0(read_cr0() & ~CR0_WP);
	trace("WP=0: SMSW", smsw, ADDR(buffer), 0, 0);
	trace("WP=0: SMSW, no address", smsw, NOT_AN_ADDRESS - 1, 0, 0);
	trace("WP=0: SMSW, nothing there", smsw, NOT_THERE, 0, 0);
	trace("WP=0: SMSW on a stack that is none", smsw_stack, NOT_AN_ADDRESS, 0, 0);
	trace("WP=0: LMSW, no address", lmsw, NOT_AN_ADDRESS - 1, 0, 0);
	trace("WP=0: LMSW, runs out", lmsw, COLD_VA + PAGE_SIZE - 1, 0, 0);
	trace("32: WP=0: SMSW", smsw_fs_32, 30, 0, 0);
	trace("32: WP=0: SMSW, past the limit", smsw_fs_32, 31, 0, 0);
	trace("32: WP=0: SMSW to code", smsw_cs_32, ADDR(buffer), 0, 0);
	trace("32: WP=0: LMSW from code", lmsw_cs_32, ADDR(buffer + 1), 0, 0);
	trace("32: WP=0: LMSW", lmsw_fs_32, 8, 0, 0);
	trace("32: WP=0: LMSW, past the limit", lmsw_fs_32, 31, 0, 0);
	write_cr0(read_cr0() | CR0_WP);
	if (!(cpuid(7, 0).ebx & BIT(10)))
		return;
	buffer[0] = buffer[1] = 0;
	trace("32: INVPCID", invpcid_32, 0, ADDR(buffer), 0);
	trace("32: INVPCID, type 4", invpcid_32, 4, ADDR(buffer), 0);
	trace("32: INVPCID, FS", invpcid_fs_32, 0, 16, 0);
	trace("32: INVPCID, FS, past the limit", invpcid_fs_32, 0, 17, 0);
	trace("32: INVPCID, #PF", invpcid_32, 0, LOW_VA + PAGE_SIZE - 8, 0);
}

void trace_odd_io(void)
{
	nmi_init();
	interrupts_own = true;
	if (!on_tcg)
		interrupts();
	breakpoints();
	string_io();
	compatibility();
	compatibility_more();
}
