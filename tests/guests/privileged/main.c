/* SPDX-License-Identifier: MIT */
/*
 * Instructions that are the kernel's alone, executed by a user, and operands that a CPU refuses: each
 * must raise its exception, and change nothing.
 *
 * alignment=1 on the command line: only what is misaligned, which QEMU's TCG does not look at by itself.
 */
#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/pci.h"
#include "guest/builtin/lib/test.h"
#include "mm/counters.h"
#include "tests/guests/privileged/privileged.h"

#define CODE_VA   (1ULL << 39)
#define DATA_VA   (CODE_VA + PAGE_SIZE)
#define DEVICE_VA (3ULL << 39)
#define PAGE      (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
/* The last page of the lower half. */
#define LAST_VA    0x7ffffffff000ULL
#define CPUID_CODE 0xa20f

static u8 *code;

static u64 xgetbv(void)
{
	u32 lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (u64)hi << 32 | lo;
}

/* What a user, or a kernel's mistake, might have changed. */
struct state {
	u64 cr0, cr3, cr4, efer, xcr0;
};

static struct state state(void)
{
	return (struct state){.cr0 = read_cr0(),
			      .cr3 = read_cr3(),
			      .cr4 = read_cr4(),
			      .efer = rdmsr(MSR_EFER),
			      .xcr0 = read_cr4() & CR4_OSXSAVE ? xgetbv() : 0};
}

static u8 run_user(const u8 *from, const u8 *to)
{
	memcpy(code, from, (size_t)(to - from));
	return probe_run(CODE_VA, true, DATA_VA, 0, 1).vector;
}

static bool is_expected(const struct attempt *a, u8 vector)
{
	if (a->vector == VECTOR_REFUSED)
		return vector == VEC_UD || vector == VEC_GP;
	return vector == a->vector;
}

static void try_user(const struct attempt *a)
{
	struct state before = state(), after;
	u8 vector;

	if (a->needs && !has_feature(a->needs))
		return;
	vector = run_user(a->code, a->end);
	after = state();
	check(is_expected(a, vector), "user: %s: vector %u, not %u", a->name, vector, a->vector);
	check(!memcmp(&before, &after, sizeof(before)), "user: %s has changed a register", a->name);
}

static void try_kernel(const struct attempt *a)
{
	struct state before = state(), after;
	u64 value = a->keep == KEEP_CR0    ? before.cr0
		    : a->keep == KEEP_CR3  ? before.cr3
		    : a->keep == KEEP_CR4  ? before.cr4
		    : a->keep == KEEP_EFER ? before.efer
					   : 0;
	u8 vector;

	if (a->needs && !has_feature(a->needs))
		return;
	value = (value & ~a->clear) | a->set;
	vector = probe_run((uintptr_t)a->code, false, DATA_VA, 0, value).vector;
	after = state();
	check(is_expected(a, vector), "%s: vector %u, not %u", a->name, vector, a->vector);
	check(!memcmp(&before, &after, sizeof(before)), "%s has changed a register", a->name);
}

/* A user may read what notrap counts, and neither report faults nor end the machine. */
static void try_hypercalls(void)
{
	bool amd = notrap_info() & NOTRAP_INFO_SVM;
	const u8 *from = amd ? user_vmmcall : user_vmcall;
	const u8 *to = amd ? user_vmmcall_end : user_vmcall_end;
	u64 counted = notrap_call(HC_COUNTER, CNT_pf_guest_counted);
	struct probe got;

	memcpy(code, from, (size_t)(to - from));
	got = probe_run(CODE_VA, true, DATA_VA, 0, HC_VERSION);
	check(got.vector == VECTOR_DONE && got.value == NOTRAP_VERSION,
	      "a user is not told the version: vector %u, %lx", got.vector, got.value);
	got = probe_run(CODE_VA, true, DATA_VA, 0, HC_REPORT_FAULTS);
	check(got.value == ~0UL && notrap_call(HC_COUNTER, CNT_pf_guest_counted) == counted,
	      "a user has reported faults");
	got = probe_run(CODE_VA, true, DATA_VA, 0, HC_END);
	check(got.value == ~0UL, "a user may end the machine");
}

/* The next instruction is at an address that is none: the jump there is the guest's fault. */
static void try_end_of_lower_half(void)
{
	u64 frame = page_alloc(1, PAGE_SIZE);
	struct probe got;

	*entry_of(paging_root, LAST_VA, 1) = frame | PAGE;
	*(u16 *)ptr(frame + PAGE_SIZE - 2) = CPUID_CODE;
	got = probe_run(LAST_VA + PAGE_SIZE - 2, true, 0, 0, 0);
	check(got.vector == VEC_GP, "CPUID at the end of the lower half: vector %u", got.vector);
}

#define VGA_ID    0x11111234 /* QEMU's, whose memory Bochs' CPU would not run either */
#define SMSW_CODE 0xe0010f   /* SMSW EAX */
#define DONE_CODE 0x80cdU

static u8 run_in_device(u32 insn, u32 len)
{
	*(volatile u64 *)ptr(DEVICE_VA) = insn | (u64)DONE_CODE << 8 * len;
	return probe_run(DEVICE_VA, true, 0, 0, 0).vector;
}

#define OPERANDS \
	(DEVICE_VA + 2 * PAGE_SIZE) /* of an even and an odd address, and across two pages */
#define PCI_BUS    0x80000010U
#define OPERAND(i) (OPERANDS + ((i) == 2 ? PAGE_SIZE - 1 : 64 + (i)))

static void string_io(u64 va, bool in, u16 port)
{
	u64 at = va;

	if (in)
		__asm__ volatile("insl" : "+D"(at) : "d"(port) : "memory");
	else
		__asm__ volatile("outsl" : "+S"(at) : "d"(port) : "memory");
}

/* Instructions that a hypervisor carries out, with an operand that is a device's: it is read and written. */
static void try_device_operands(u64 bar)
{
	u64 cr0 = read_cr0();

	for (u32 i = 0; i < 3; i++)
		*entry_of(paging_root, OPERANDS + i * PAGE_SIZE, 1) =
			(bar + (2 + i) * PAGE_SIZE) | PAGE;
	for (u32 i = 0; i < 3; i++) {
		volatile u8 *at = ptr(OPERAND(i));
		u32 word;

		for (u32 n = 0; n < 8; n++)
			at[n] = 0xa5;
		/* Its reads exit on SVM then. */
		write_cr0(cr0 & ~CR0_WP);
		__asm__ volatile("smsw (%0)" : : "r"(at) : "memory");
		write_cr0(cr0);
		word = at[0] | at[1] << 8;
		check(word == (u16)cr0 && at[2] == 0xa5, "SMSW to a device, %u: %x %x", i, word,
		      at[2]);
		out32(PCI_ADDRESS, PCI_BUS);
		string_io(OPERAND(i), true, PCI_ADDRESS);
		word = at[0] | at[1] << 8 | at[2] << 16 | (u32)at[3] << 24;
		check(word == PCI_BUS && at[4] == 0xa5, "INS to a device, %u: %x %x", i, word,
		      at[4]);
		out32(PCI_ADDRESS, 0);
		string_io(OPERAND(i), false, PCI_ADDRESS);
		check(in32(PCI_ADDRESS) == PCI_BUS, "OUTS from a device, %u: %x", i,
		      in32(PCI_ADDRESS));
	}
}

/* Where a hypervisor has to read what exited. An exception is an answer, the machine's end none. */
static void try_device_memory(void)
{
	u32 vga = pci_find(0, 0, VGA_ID, ~0U);
	u64 cr0 = read_cr0();
	u8 vector;

	if (vga == PCI_NONE)
		return;
	*entry_of(paging_root, DEVICE_VA, 1) = (pci_read(vga, 0x10) & ~15U) | PAGE;
	vector = run_in_device(CPUID_CODE, 2);
	check(vector == VECTOR_DONE || vector == VEC_UD, "CPUID in a device: vector %u", vector);
	/* With CR0.WP clear its reads exit on SVM. */
	write_cr0(cr0 & ~CR0_WP);
	vector = run_in_device(SMSW_CODE, 3);
	write_cr0(cr0);
	check(vector == VECTOR_DONE || vector == VEC_UD, "SMSW in a device: vector %u", vector);
	try_device_operands(pci_read(vga, 0x10) & ~15U);
}

#define IOPL_3        (3U << 12)
#define APIC          0xfee00000
#define APIC_VA       (5ULL << 39)
#define APIC_TPR      0x80
#define ALIGNED(name) extern const u8 try_##name[], try_##name##_end[]
ALIGNED(outsd);
ALIGNED(insd);
ALIGNED(smsw_to);
ALIGNED(store);

static void try_aligned(const char *name, const u8 *from, const u8 *to, u64 va, u8 expected)
{
	struct probe got;

	memcpy(code, from, (size_t)(to - from));
	got = probe_run(CODE_VA, true, va, RFLAGS_AC | IOPL_3, 0);
	check(got.vector == expected && (got.vector != VEC_AC || !got.error),
	      "AC, %s at %lx: vector %u, not %u", name, va, got.vector, expected);
}

#define TRY_ALIGNED(name, va, expected) \
	try_aligned(#name, try_##name, try_##name##_end, va, expected)

/* What a hypervisor carries out for a user: SDM vol. 3A 6.15, Interrupt 17. */
static void try_alignment(void)
{
	u64 cr0 = read_cr0(), va = DATA_VA + 64;

	*entry_of(paging_root, APIC_VA, 1) = APIC | PAGE;
	/* With CR0.WP clear reads of CR0 exit on SVM. */
	write_cr0((cr0 & ~CR0_WP) | CR0_AM);
	TRY_ALIGNED(outsd, va + 2, VEC_AC);
	TRY_ALIGNED(insd, va + 1, VEC_AC);
	TRY_ALIGNED(smsw_to, va + 1, VEC_AC);
	TRY_ALIGNED(outsd, va + 4, VECTOR_DONE);
	TRY_ALIGNED(insd, va + 4, VECTOR_DONE);
	TRY_ALIGNED(smsw_to, va + 2, VECTOR_DONE);
	/* Nobody's: the address comes first. */
	TRY_ALIGNED(insd, BIT(47) + 1, VEC_GP);
	/* Registers that a hypervisor may watch. */
	TRY_ALIGNED(store, APIC_VA + APIC_TPR + 2, VEC_AC);
	check(probe_run((uintptr_t)try_outsd, false, va + 2, RFLAGS_AC, 0).vector == VECTOR_DONE,
	      "AC, outsd by the kernel");
	write_cr0(cr0 & ~(u64)CR0_AM);
	TRY_ALIGNED(outsd, va + 2, VECTOR_DONE);
	write_cr0(cr0);
}

const char *guest_main(void)
{
	u64 frame = page_alloc(1, PAGE_SIZE);

	code = ptr(frame);
	*entry_of(paging_root, CODE_VA, 1) = frame | PAGE;
	*entry_of(paging_root, DATA_VA, 1) = page_alloc(1, PAGE_SIZE) | PAGE;
	if (guest_option_number("alignment", 0)) {
		try_alignment();
		return check_end("privileged");
	}
	for (u32 i = 0; i < nr_user_attempts; i++)
		try_user(&user_attempts[i]);
	/* XSETBV raises #UD without it, and only with it #GP. */
	if (has_feature(FEATURE_XSAVE)) {
		write_cr4(read_cr4() | CR4_OSXSAVE);
		__asm__ volatile("xsetbv" : : "a"(3), "d"(0), "c"(0));
		for (u32 i = 0; i < nr_xsave_attempts; i++)
			try_user(&xsave_attempts[i]);
	}
	for (u32 i = 0; i < nr_kernel_attempts; i++)
		try_kernel(&kernel_attempts[i]);
	if (notrap_present())
		try_hypercalls();
	try_end_of_lower_half();
	try_device_memory();
	return check_end("privileged");
}
