/* SPDX-License-Identifier: MIT */
/* What reaches the CPU of the MSRs that a guest reads and writes: guest/msr.c on a CPU that has all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#undef fail /* the console has a function of that name */

#include "arch/cpu.h"

/* In the place of arch/safe.h. */
#define ARCH_SAFE_H
static bool rdmsr_safe(u32 msr, u64 *value);
static bool wrmsr_safe(u32 msr, u64 value);

#include "guest/msr.c"
#include "guest/msr_guard.c"

static u32 reads, writes, faults, done;
static u64 written;

static bool rdmsr_safe(u32 msr, u64 *value)
{
	(void)msr;
	reads++;
	*value = 0;
	return true;
}

static bool wrmsr_safe(u32 msr, u64 value)
{
	(void)msr;
	writes++;
	written = value;
	return true;
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

static struct machine machine;
static struct vcpu vcpu = {.machine = &machine};

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
	for (u32 msr = 0x40000000; msr <= 0x40000200; msr++)
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
	static const u32 own[] = {0x10, 0x174, 0x277, 0x13, 0x40000300, 0x4b564e00, 0xc0000081};

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held_speculation_control),
		cmocka_unit_test(held_branch_prediction),
		cmocka_unit_test(msrs_of_other_hypervisors),
		cmocka_unit_test(msrs_that_make_the_cpu_write_memory),
		cmocka_unit_test(locks_stay_allowed),
		cmocka_unit_test(all_else_goes_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
