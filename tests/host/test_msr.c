/* SPDX-License-Identifier: MIT */
/* What reaches the CPU of the MSRs that a guest reads and writes: guest/exit/msr.c, msr_absent.c, msr_guard.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#undef fail /* the console has a function of that name */

#include "guest/cpus/ipi.h"
#include "guest/exit/exit.h"
#include "tests/host/msr_cpu.h"

static void expect_absent(u32 msr)
{
	access_msr(msr, 0, false);
	assert_int_equal(cpu.reads + cpu.writes + cpu.done, 0);
	access_msr(msr, 0x1001, true);
	assert_int_equal(cpu.writes + cpu.done, 0);
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
	assert_int_equal(cpu.faults, 1);
	assert_int_equal(cpu.writes, 0);
	access_msr(0x33, BIT(29), true);
	assert_int_equal(cpu.writes, 1);
	assert_int_equal(cpu.written, BIT(29));
}

static void all_else_goes_through(void **state)
{
	static const u32 own[] = {0x10, 0x174, 0x830, 0x13, 0x40010000, 0x4b564e00, 0xc0000081};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(own); i++) {
		access_msr(own[i], 0, false);
		assert_int_equal(cpu.reads, 1);
		assert_int_equal(cpu.done, 1);
		access_msr(own[i], 0x123456789a, true);
		assert_int_equal(cpu.writes, 1);
		assert_int_equal(cpu.written, 0x123456789a);
	}
}

/* IA32_SPEC_CTRL exits while bits of it are held: the guest reads what it wrote. */
static void held_speculation_control(void **state)
{
	(void)state;
	vcpu.spec_ctrl_held = BIT(0) | BIT(6);
	access_msr(0x48, BIT(2), true);
	assert_int_equal(cpu.written, BIT(0) | BIT(6) | BIT(2));
	access_msr(0x48, 0, false);
	assert_int_equal(cpu.reads, 0);
	assert_int_equal(vcpu.gpr[RAX], BIT(2));
	access_msr(0x48, 0, true);
	assert_int_equal(cpu.written, BIT(0) | BIT(6));
	vcpu.spec_ctrl_held = 0;
}

/* AMD's BP_CFG: its guard stays as it is, and other bits are the guest's. */
static void held_branch_prediction(void **state)
{
	(void)state;
	access_msr(0xc001102e, BIT(4), true);
	assert_int_equal(cpu.faults, 1);
	access_msr(0xc001102e, BIT(5), true);
	assert_int_equal(cpu.writes, 1);
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

/* The x2APIC's command register; and the APIC stays where it is watched, while its modes are the guest's. */
static void ipis(void **state)
{
	(void)state;
	assert_int_equal(ipi_watch(&machine, NULL), 0);
	assert_false(refused(0x830, 0xc4500));
	assert_int_equal(cpu.writes, 0);
	access_msr(0x830, 0x04081, true);
	assert_int_equal(cpu.writes, 1);
	assert_true(refused(0x1b, 0xfef00900));
	assert_false(refused(0x1b, 0xfee00100));
	machine.ipi_base = 0;
}

/* The set-up asks for all of it. */
static void intercepted(void **state)
{
	(void)state;
	cpu.intercepts = 0;
	intercept_msrs(&vcpu);
	assert_true(cpu.intercepts > 2 * MTRR_PAIRS);
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
		cmocka_unit_test(machine_checks),
		cmocka_unit_test(ipis),
		cmocka_unit_test(intercepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
