/* SPDX-License-Identifier: MIT */
/* What reaches the CPU of the MSRs that a guest reads and writes: guest/exit/msr.c on a CPU that has all. */
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#undef fail /* the console has a function of that name */

#include "arch/cpu.h"

/* In the place of arch/safe.h and arch/insn.h. */
#define ARCH_SAFE_H
#define ARCH_INSN_H
static bool rdmsr_safe(u32 msr, u64 *value);
static bool wrmsr_safe(u32 msr, u64 value);

struct cpuid {
	u32 eax, ebx, ecx, edx;
};

/* A guest on AMD can have CPUID say otherwise than at boot. */
static bool cpuid_changed;

static struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	(void)leaf;
	(void)subleaf;
	return (struct cpuid){.edx = cpuid_changed ? 0 : CPUID_1_EDX_MTRR};
}

static u64 rdmsr(u32 msr)
{
	u64 value;

	rdmsr_safe(msr, &value);
	return value;
}

static u64 cr0 = CR0_PE | CR0_PG;
static u32 flushes;

static u64 read_cr0(void)
{
	return cr0;
}

static void write_cr0(u64 value)
{
	cr0 = value;
}

static u64 read_cr3(void)
{
	return 0;
}

static void write_cr3(u64 value)
{
	(void)value;
}

/* With the caches on it would leave behind what comes after it. */
static void wbinvd(void)
{
	assert_true(cr0 & CR0_CD);
	flushes++;
}

#include "guest/cpus/ipi.c"
#include "guest/exit/msr.c"
#include "guest/exit/msr_absent.c"
#include "guest/exit/msr_guard.c"
#include "guest/exit/mtrr.c"
#include "guest/exit/pat.c"
#include "tests/host/fake/console.h"
#include "tests/host/fake/ram.h"

static u32 reads, writes, faults, done;
static u64 written;

#define PAIRS 8

/* The MTRRs keep what is written to them; all other MSRs read as 0. */
static u64 pairs[2 * PAIRS], def_type;

static u64 *mtrr_at(u32 msr)
{
	if (msr == MSR_MTRR_DEF_TYPE)
		return &def_type;
	return msr - MSR_MTRR_PHYSBASE0 < 2 * PAIRS ? &pairs[msr - MSR_MTRR_PHYSBASE0] : NULL;
}

static bool rdmsr_safe(u32 msr, u64 *value)
{
	reads++;
	*value = msr == MSR_MTRRCAP     ? PAIRS
		 : msr == MSR_APIC_BASE ? 0xfee00900
		 : mtrr_at(msr)         ? *mtrr_at(msr)
					: 0;
	return true;
}

static bool wrmsr_safe(u32 msr, u64 value)
{
	writes++;
	written = value;
	if (mtrr_at(msr))
		*mtrr_at(msr) = value;
	return true;
}

/* An I/O APIC's first register is what this reads; it has no other. */
static u32 io_select;

struct fake_ram fake_ram[] = {{0xfec00000, sizeof(io_select), &io_select, 0}};
const u32 fake_ram_count = 1;

void madt_each_io_apic(const struct bootinfo *boot, void (*visit)(void *ctx, u32 hpa), void *ctx)
{
	(void)boot;
	visit(ctx, 0xfec00000);
}

int watch_memory(struct machine *m, u64 start, u64 end)
{
	m->watched[m->nr_watched++] = (struct memmap_range){start, end, MEMMAP_RESERVED};
	return 0;
}

void inject_gp(struct vcpu *v)
{
	(void)v;
	faults++;
}

void insn_skip(struct vcpu *v, const struct vmexit *exit)
{
	(void)v;
	(void)exit;
	done++;
}

bool guest_write_efer(struct vcpu *v, u64 value)
{
	(void)v;
	(void)value;
	return false;
}

static u32 intercepts;

static void intercept(struct vcpu *v, u32 msr, bool read, bool write)
{
	(void)v;
	(void)msr;
	(void)read;
	assert_true(write);
	intercepts++;
}

static bool shares_pat(const struct vcpu *v)
{
	(void)v;
	return true;
}

#define HIDDEN_START MIB(512)
#define HIDDEN_END   MIB(576)
#define REGISTERS    0xfed90000ULL

static const struct backend ops = {
	.amd = true, .intercept_msr = intercept, .shares_pat = shares_pat};
static struct machine machine = {.maxphyaddr = 40,
				 .hidden = {{MIB(2), MIB(3), MEMMAP_RESERVED},
					    {HIDDEN_START, HIDDEN_END, MEMMAP_RESERVED},
					    {REGISTERS, REGISTERS + PAGE_SIZE, MEMMAP_RESERVED}},
				 .nr_hidden = 3,
				 .guest_map = {.count = 1, .range = {{0, MIB(1), MEMMAP_RAM}}}};
static struct vcpu vcpu = {.machine = &machine, .ops = &ops};

static void access_msr(u32 msr, u64 value, bool write)
{
	static const struct vmexit exit;

	reads = writes = faults = done = 0;
	vcpu.gpr[RCX] = msr;
	vcpu.gpr[RAX] = (u32)value;
	vcpu.gpr[RDX] = value >> 32;
	if (write)
		handle_wrmsr(&vcpu, &exit);
	else
		handle_rdmsr(&vcpu, &exit);
	assert_int_equal(faults + done, 1);
}

static void expect_absent(u32 msr)
{
	access_msr(msr, 0, false);
	assert_int_equal(reads + writes + done, 0);
	access_msr(msr, 0x1001, true);
	assert_int_equal(writes + done, 0);
}

/* Physical addresses that a hypervisor below writes to, the hidden memory's among them. */
static void msrs_of_other_hypervisors(void **state)
{
	(void)state;
	expect_absent(0x11);
	expect_absent(0x12);
	for (u32 msr = 0x4b564d00; msr <= 0x4b564d08; msr++)
		expect_absent(msr);
	for (u32 msr = 0x40000000; msr <= 0x40001093; msr++)
		expect_absent(msr);
}

static void msrs_that_make_the_cpu_write_memory(void **state)
{
	static const u32 writers[] = {0x3f1, 0x3f4,  0x3f5,  0x600,  0x560,  0x6a2,
				      0x480, 0x14ce, 0x1200, 0x161f, 0x1903, 0xc0010117};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(writers); i++)
		expect_absent(writers[i]);
}

static void msrs_of_hidden_features(void **state)
{
	static const u32 hidden[] = {0x8c,  0x500, 0x1cc, 0x1d4, MSR_PKRS, 0x985, 0x98a,
				     0xd93, 0x1c,  0x2f,  0x990, 0x9fb,    0xd91, 0xd92};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(hidden); i++)
		expect_absent(hidden[i]);
}

/* The hypervisor locks guest tables when it writes to them. */
static void locks_stay_allowed(void **state)
{
	(void)state;
	access_msr(0x33, BIT(28), true);
	assert_int_equal(faults, 1);
	assert_int_equal(writes, 0);
	access_msr(0x33, BIT(29), true);
	assert_int_equal(writes, 1);
	assert_int_equal(written, BIT(29));
}

static void all_else_goes_through(void **state)
{
	static const u32 own[] = {0x10, 0x174, 0x830, 0x13, 0x40010000, 0x4b564e00, 0xc0000081};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(own); i++) {
		access_msr(own[i], 0, false);
		assert_int_equal(reads, 1);
		assert_int_equal(done, 1);
		access_msr(own[i], 0x123456789a, true);
		assert_int_equal(writes, 1);
		assert_int_equal(written, 0x123456789a);
	}
}

/* IA32_SPEC_CTRL exits while bits of it are held: the guest reads what it wrote. */
static void held_speculation_control(void **state)
{
	(void)state;
	vcpu.spec_ctrl_held = BIT(0) | BIT(6);
	access_msr(0x48, BIT(2), true);
	assert_int_equal(written, BIT(0) | BIT(6) | BIT(2));
	access_msr(0x48, 0, false);
	assert_int_equal(reads, 0);
	assert_int_equal(vcpu.gpr[RAX], BIT(2));
	access_msr(0x48, 0, true);
	assert_int_equal(written, BIT(0) | BIT(6));
	vcpu.spec_ctrl_held = 0;
}

/* AMD's BP_CFG: its guard stays as it is, and other bits are the guest's. */
static void held_branch_prediction(void **state)
{
	(void)state;
	access_msr(0xc001102e, BIT(4), true);
	assert_int_equal(faults, 1);
	access_msr(0xc001102e, BIT(5), true);
	assert_int_equal(writes, 1);
}

static bool refused(u32 msr, u64 value)
{
	access_msr(msr, value, true);
	return faults;
}

static void msrs_that_act_outside_of_the_cpu(void **state)
{
	static const u32 closed[] = {0x9e,       0xe4,       0x150,      0x1f4,      0x2a0,
				     0x2f5,      0x4e0,      0x603,      0xc0010022, 0xc0010041,
				     0xc0010050, 0xc0010055, 0xc0010064, 0xc0010070, 0xc0010073,
				     0xc0010113, 0xc0010116, 0xc0010119, 0xc001011b};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(closed); i++) {
		assert_true(refused(closed[i], 1));
		assert_false(refused(closed[i], 0));
	}
	/* C-states in place of port reads; not the rest of that register. */
	assert_true(refused(0xe2, BIT(10)));
	assert_true(refused(0xe2, BIT(15)));
	assert_false(refused(0xe2, BIT(25)));
	assert_false(refused(0x1fc, BIT(1)));
	assert_true(refused(0x1fc, BIT(0)));
	assert_false(refused(0xc001001f, BIT(46)));
	assert_true(refused(0xc001001f, BIT(31)));
	assert_true(refused(0x1d9, BIT(0)));
	assert_false(refused(0x1d9, BIT(1)));
}

static void apic_base(void **state)
{
	(void)state;
	assert_false(refused(0x1b, 0xfee00900));
	assert_false(refused(0x1b, 0xfee00d00));
	assert_true(refused(0x1b, 0x1000 | 0x900)); /* RAM */
	assert_true(refused(0x1b, HIDDEN_START | 0x900));
	assert_true(refused(0x1b, REGISTERS | 0x900));
	assert_false(refused(0x1b, BIT(39) | 0x900));
	assert_true(refused(0x1b, BIT(40) | 0x900));
	assert_true(refused(0x1b, BIT(63) | 0x900));
}

/* What an error raises may be an interrupt, and no SMI. */
static void machine_checks(void **state)
{
	static const u32 thresholds[] = {0x413,      0xc0000408, 0xc000040a, 0xc0002003,
					 0xc00023f3, 0xc000200a, 0xc000201d};
	(void)state;

	for (u32 i = 0; i < ARRAY_SIZE(thresholds); i++) {
		assert_true(refused(thresholds[i], 2ULL << 49));
		assert_false(refused(thresholds[i], 1ULL << 49));
	}
	assert_true(refused(0xc0002014, 2ULL << 37));
	assert_false(refused(0xc0002014, 1ULL << 37 | 2ULL << 49));
	assert_false(refused(0xc0002005, 2ULL << 37 | 2ULL << 49));
	assert_true(refused(0xc0010136, 1));
}

/* All memory write-back, and devices from 3.5 to 4 GiB uncached. */
static void mtrrs_of_firmware(void)
{
	memset(pairs, 0, sizeof(pairs));
	def_type = MTRR_DEF_TYPE_E | MEMTYPE_WB;
	pairs[0] = 0xe0000000 | MEMTYPE_UC;
	pairs[1] = 0xffe0000000 | MTRR_MASK_VALID;
	machine.lines_said[LINE_MTRR] = 0;
	mtrr_intercept(&vcpu);
	assert_int_equal(machine.hidden_type[1], MEMTYPE_WB);
	assert_int_equal(machine.hidden_type[2], MEMTYPE_UC);
	fake_console_clear();
	flushes = 0;
}

static void mtrrs(void **state)
{
	const u64 all = 0xff00000000 | MTRR_MASK_VALID;

	(void)state;
	mtrrs_of_firmware();
	/* A frame buffer. */
	assert_false(refused(0x202, 0xd0000000 | MEMTYPE_WC));
	assert_false(refused(0x203, 0xfff0000000 | MTRR_MASK_VALID));
	assert_int_equal(flushes, 4);
	/* The hypervisor's memory, all of it or its end; and what it would not be. */
	assert_false(refused(0x204, MEMTYPE_WC));
	assert_true(refused(0x205, all));
	assert_int_equal(pairs[5], 0);
	assert_false(refused(0x204, (HIDDEN_END - MIB(1)) | MEMTYPE_WT));
	assert_true(refused(0x205, 0xfffff00000 | MTRR_MASK_VALID));
	assert_true(refused(0x205, 0xff00100000 | MTRR_MASK_VALID)); /* with holes */
	assert_false(refused(0x204, HIDDEN_END | MEMTYPE_WT));
	assert_false(refused(0x205, 0xfffff00000 | MTRR_MASK_VALID));
	assert_true(refused(0x204, (HIDDEN_END - MIB(1)) | MEMTYPE_WT));
	assert_true(refused(0x2ff, MTRR_DEF_TYPE_E | MEMTYPE_WP));
	/* Registers of the hypervisor's, made cached. */
	assert_true(refused(0x201, 0));
	assert_int_equal(fake_says, 1);
	assert_int_equal(cr0, CR0_PE | CR0_PG);
}

static void mtrrs_when_cpuid_says_none(void **state)
{
	(void)state;
	mtrrs_of_firmware();
	cpuid_changed = true;
	assert_true(refused(0x201, 0));
	assert_true(refused(0x2ff, MTRR_DEF_TYPE_E | MEMTYPE_WP));
	cpuid_changed = false;
}

/* A system switches them off to change them, in any order, and must mean well when it is done. */
static void mtrrs_off_and_on(void **state)
{
	(void)state;
	mtrrs_of_firmware();
	assert_false(refused(0x2ff, MEMTYPE_UC));
	assert_false(refused(0x201, 0));
	assert_false(refused(0x200, 0xe0000000 | MEMTYPE_UC));
	assert_false(refused(0x201, 0xffe0000000 | MTRR_MASK_VALID));
	assert_false(refused(0x202, MEMTYPE_WC));
	assert_false(refused(0x203, 0xff80000000 | MTRR_MASK_VALID));
	assert_true(refused(0x2ff, MTRR_DEF_TYPE_E | MEMTYPE_WB));
	assert_int_equal(def_type, MEMTYPE_UC);
	assert_false(refused(0x203, 0));
	assert_false(refused(0x2ff, MTRR_DEF_TYPE_E | MEMTYPE_WB));
}

static void one_pat_for_both(void **state)
{
	(void)state;
	fake_console_clear();
	assert_false(refused(0x277, 0x0007010600070106));
	assert_int_equal(written, 0x0007010600070106);
	assert_int_equal(fake_says, 0);
	/* Registers of the hypervisor's are by entry 3: it is uncached. */
	assert_false(refused(0x277, 0x0007010601070106));
	assert_int_equal(written, 0x0007010600070106);
	assert_int_equal(fake_says, 1);
	machine.lines_said[LINE_PAT] = 0;
	fake_console_clear();
	assert_false(refused(0x277, 0x0007010600070100));
	assert_int_equal(written, 0x0007010600070106);
	access_msr(0x277, 0, false);
	assert_int_equal(vcpu.gpr[RAX], 0x00070100);
	assert_int_equal(vcpu.gpr[RDX], 0x00070106);
	assert_false(refused(0x277, 0x0007010600070101));
	assert_int_equal(fake_says, 1);
	for (u32 type = 0; type < 256; type++)
		assert_int_equal(refused(0x277, 0x0606060606060600 | type),
				 type == 2 || type == 3 || type > 7);
	assert_true(refused(0x277, 0x0006060602060606));
}

/* The x2APIC's command register; and the APIC stays where it is watched, while its modes are the guest's. */
static void ipis(void **state)
{
	(void)state;
	assert_int_equal(ipi_watch(&machine, NULL), 0);
	assert_false(refused(0x830, 0xc4500));
	assert_int_equal(writes, 0);
	access_msr(0x830, 0x04081, true);
	assert_int_equal(writes, 1);
	assert_true(refused(0x1b, 0xfef00900));
	assert_false(refused(0x1b, 0xfee00100));
	machine.ipi_base = 0;
}

/* The set-up asks for all of it. */
static void intercepted(void **state)
{
	(void)state;
	intercepts = 0;
	intercept_msrs(&vcpu);
	assert_true(intercepts > 2 * PAIRS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held_speculation_control),
		cmocka_unit_test(held_branch_prediction),
		cmocka_unit_test(msrs_of_other_hypervisors),
		cmocka_unit_test(msrs_that_make_the_cpu_write_memory),
		cmocka_unit_test(msrs_of_hidden_features),
		cmocka_unit_test(locks_stay_allowed),
		cmocka_unit_test(all_else_goes_through),
		cmocka_unit_test(msrs_that_act_outside_of_the_cpu),
		cmocka_unit_test(apic_base),
		cmocka_unit_test(mtrrs),
		cmocka_unit_test(mtrrs_when_cpuid_says_none),
		cmocka_unit_test(mtrrs_off_and_on),
		cmocka_unit_test(one_pat_for_both),
		cmocka_unit_test(machine_checks),
		cmocka_unit_test(ipis),
		cmocka_unit_test(intercepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
