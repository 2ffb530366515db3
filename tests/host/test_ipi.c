/* SPDX-License-Identifier: MIT */
/* Which writes to an APIC are dropped where INIT and SMIs lead outside of the hypervisor: guest/cpus/ipi.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#undef fail /* the console has a function of that name */

#include "arch/types.h"

/* In the place of arch/insn.h. */
#define ARCH_INSN_H
static u64 rdmsr(u32 msr)
{
	(void)msr;
	return 0xfee00900;
}

#include "guest/cpus/ipi.c"
#include "tests/host/fake/io_apic.h"

static u32 intercepts;

static void intercept(struct vcpu *v, u32 msr, bool read, bool write)
{
	(void)v;
	(void)msr;
	assert_true(write && !read);
	intercepts++;
}

static const struct backend ops = {.intercept_msr = intercept};
static struct machine machine;
static struct vcpu vcpu = {.machine = &machine, .ops = &ops};

static int watch(void **state)
{
	(void)state;
	machine = (struct machine){0};
	return ipi_watch(&machine, NULL);
}

static void none_where_nothing_is_watched(void **state)
{
	(void)state;
	assert_false(ipi_write_is_dropped(&machine, 0xfee00300, 0xc4500, 4));
	assert_false(ipi_msr_is_dropped(&machine, 0x830, 0xc4500));
	ipi_intercept(&vcpu);
	assert_int_equal(intercepts, 0);
}

static void command_register(void **state)
{
	(void)state;
	assert_int_equal(machine.nr_watched, 2);
	assert_int_equal(machine.ipi_base, 0xfee00000);
	assert_true(ipi_write_is_dropped(&machine, 0xfee00300, 0xc4500, 4));
	assert_true(ipi_write_is_dropped(&machine, 0xfee00300, 0x04608, 4));
	assert_true(ipi_write_is_dropped(&machine, 0xfee00300, 0x44200, 4));
	assert_true(ipi_write_is_dropped(&machine, 0xfee00300, 0, 1));
	assert_true(ipi_write_is_dropped(&machine, 0xfee00301, 5, 1));
	assert_true(ipi_write_is_dropped(&machine, 0xfee00302, 0, 2));
	for (u32 word = 4; word < 16; word += 4)
		assert_true(ipi_write_is_dropped(&machine, 0xfee00300 + word, 0xc4500, 4));
	assert_false(ipi_write_is_dropped(&machine, 0xfee00304, 0xc4400, 4));
	assert_false(ipi_write_is_dropped(&machine, 0xfee00300, 0x04081, 4));
	assert_false(ipi_write_is_dropped(&machine, 0xfee00300, 0xc4400, 4));
	assert_false(ipi_write_is_dropped(&machine, 0xfee00310, 0x05000000, 4));
	assert_false(ipi_write_is_dropped(&machine, 0xfee000b0, 0, 4));
	assert_false(ipi_write_is_dropped(&machine, 0xfee00380, 0x500, 4));
}

/* Which may be an SMI. */
static void local_vectors(void **state)
{
	(void)state;
	for (u32 lvt = 0x320; lvt <= 0x370; lvt += 0x10) {
		assert_true(ipi_write_is_dropped(&machine, 0xfee00000 + lvt, 0x20200, 4));
		assert_true(ipi_msr_is_dropped(&machine, 0x800 + lvt / 16, 0x20200));
		assert_false(ipi_write_is_dropped(&machine, 0xfee00000 + lvt, 0x200ef, 4));
		assert_false(ipi_msr_is_dropped(&machine, 0x800 + lvt / 16, 0x400));
	}
	assert_true(ipi_write_is_dropped(&machine, 0xfee002f0, 0x200, 4));
	assert_true(ipi_write_is_dropped(&machine, 0xfee0032c, 0x200, 4));
	assert_true(ipi_write_is_dropped(&machine, 0xfee0031e, 0, 4));
	assert_false(ipi_msr_is_dropped(&machine, 0x7ff, 0x200));
	assert_false(ipi_msr_is_dropped(&machine, 0x838, 0x200));
	assert_false(ipi_msr_is_dropped(&machine, 0x930, 0x200));
	intercepts = 0;
	ipi_intercept(&vcpu);
	assert_int_equal(intercepts, 8);
}

/* By a store of the CPU's. */
static void messages(void **state)
{
	(void)state;
	assert_true(ipi_write_is_dropped(&machine, 0xfee01000, 0x500, 4));
	assert_true(ipi_write_is_dropped(&machine, 0xfee00000, 0x600, 4));
	assert_false(ipi_write_is_dropped(&machine, 0xfee01000, 0x31, 4));
	assert_false(ipi_write_is_dropped(&machine, 0xfef00000, 0x500, 4));
}

/* An entry of the I/O APIC's, where one is selected. */
static void io_apic_entries(void **state)
{
	(void)state;
	io_select = 0x12;
	assert_false(ipi_write_is_dropped(&machine, 0xfec00000, 0x500, 4));
	assert_true(ipi_write_is_dropped(&machine, 0xfec00010, 0x500, 4));
	assert_true(ipi_write_is_dropped(&machine, 0xfec00110, 0x500, 4));
	assert_true(ipi_write_is_dropped(&machine, 0xfec00011, 5, 1));
	assert_false(ipi_write_is_dropped(&machine, 0xfec00010, 0x10030, 4));
	io_select = 0x13;
	assert_false(ipi_write_is_dropped(&machine, 0xfec00010, 0x05000500, 4));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_where_nothing_is_watched),
		cmocka_unit_test_setup(command_register, watch),
		cmocka_unit_test_setup(local_vectors, watch),
		cmocka_unit_test_setup(messages, watch),
		cmocka_unit_test_setup(io_apic_entries, watch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
