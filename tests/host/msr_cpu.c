/* SPDX-License-Identifier: MIT */
/* guest/exit/msr.c on a CPU that has all MSRs: msr_cpu.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#undef fail /* the console has a function of that name */

#include "arch/cpu.h"

/* In the place of arch/safe.h and arch/insn.h. */
#define ARCH_SAFE_H
#define ARCH_INSN_H
#include "tests/host/msr_cpu.h"

struct msr_cpu cpu = {.cr0 = CR0_PE | CR0_PG};

static bool rdmsr_safe(u32 msr, u64 *value);
static bool wrmsr_safe(u32 msr, u64 value);

struct cpuid {
	u32 eax, ebx, ecx, edx;
};

static struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	(void)leaf;
	(void)subleaf;
	return (struct cpuid){.edx = cpu.cpuid_changed ? 0 : CPUID_1_EDX_MTRR};
}

static u64 rdmsr(u32 msr)
{
	u64 value;

	rdmsr_safe(msr, &value);
	return value;
}

static u64 read_cr0(void)
{
	return cpu.cr0;
}

static void write_cr0(u64 value)
{
	cpu.cr0 = value;
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
	assert_true(cpu.cr0 & CR0_CD);
	cpu.flushes++;
}

#include "guest/cpus/ipi.c"
#include "guest/exit/msr.c"
#include "guest/exit/msr_absent.c"
#include "guest/exit/msr_guard.c"
#include "guest/exit/mtrr.c"
#include "guest/exit/pat.c"
#include "tests/host/fake/console.h"

static u64 *mtrr_at(u32 msr)
{
	if (msr == MSR_MTRR_DEF_TYPE)
		return &cpu.def_type;
	return msr - MSR_MTRR_PHYSBASE0 < 2 * MTRR_PAIRS ? &cpu.pairs[msr - MSR_MTRR_PHYSBASE0]
							 : NULL;
}

static bool rdmsr_safe(u32 msr, u64 *value)
{
	cpu.reads++;
	*value = msr == MSR_MTRRCAP     ? MTRR_PAIRS
		 : msr == MSR_APIC_BASE ? 0xfee00900
		 : mtrr_at(msr)         ? *mtrr_at(msr)
					: 0;
	return true;
}

static bool wrmsr_safe(u32 msr, u64 value)
{
	cpu.writes++;
	cpu.written = value;
	if (mtrr_at(msr))
		*mtrr_at(msr) = value;
	return true;
}

void inject_gp(struct vcpu *v)
{
	(void)v;
	cpu.faults++;
}

void insn_skip(struct vcpu *v, const struct vmexit *exit)
{
	(void)v;
	(void)exit;
	cpu.done++;
}

bool guest_write_efer(struct vcpu *v, u64 value)
{
	(void)v;
	(void)value;
	return false;
}

static void intercept(struct vcpu *v, u32 msr, bool read, bool write)
{
	(void)v;
	(void)msr;
	(void)read;
	assert_true(write);
	cpu.intercepts++;
}

static bool shares_pat(const struct vcpu *v)
{
	(void)v;
	return true;
}

static const struct backend ops = {
	.amd = true, .intercept_msr = intercept, .shares_pat = shares_pat};
struct machine machine = {.maxphyaddr = 40,
			  .hidden = {{MIB(2), MIB(3), MEMMAP_RESERVED},
				     {HIDDEN_START, HIDDEN_END, MEMMAP_RESERVED},
				     {REGISTERS, REGISTERS + PAGE_SIZE, MEMMAP_RESERVED}},
			  .nr_hidden = 3,
			  .guest_map = {.count = 1, .range = {{0, MIB(1), MEMMAP_RAM}}}};
struct vcpu vcpu = {.machine = &machine, .ops = &ops};

void access_msr(u32 msr, u64 value, bool write)
{
	static const struct vmexit exit;

	cpu.reads = cpu.writes = cpu.faults = cpu.done = 0;
	vcpu.gpr[RCX] = msr;
	vcpu.gpr[RAX] = (u32)value;
	vcpu.gpr[RDX] = value >> 32;
	if (write)
		handle_wrmsr(&vcpu, &exit);
	else
		handle_rdmsr(&vcpu, &exit);
	assert_int_equal(cpu.faults + cpu.done, 1);
}

bool refused(u32 msr, u64 value)
{
	access_msr(msr, value, true);
	return cpu.faults;
}
