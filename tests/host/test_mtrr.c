/* SPDX-License-Identifier: MIT */
/* Memory types that a guest may set: guest/exit/mtrr.c, pat.c. */
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#undef fail /* the console has a function of that name */

#include "arch/cpu.h"
#include "guest/exit/handlers.h"
#include "tests/host/fake/console.h"
#include "tests/host/msr_cpu.h"

/* All memory write-back, and devices from 3.5 to 4 GiB uncached. */
static void mtrrs_of_firmware(void)
{
	memset(cpu.pairs, 0, sizeof(cpu.pairs));
	cpu.def_type = MTRR_DEF_TYPE_E | MEMTYPE_WB;
	cpu.pairs[0] = 0xe0000000 | MEMTYPE_UC;
	cpu.pairs[1] = 0xffe0000000 | MTRR_MASK_VALID;
	machine.lines_said[LINE_MTRR] = 0;
	mtrr_intercept(&vcpu);
	assert_int_equal(machine.hidden_type[1], MEMTYPE_WB);
	assert_int_equal(machine.hidden_type[2], MEMTYPE_UC);
	fake_console_clear();
	cpu.flushes = 0;
}

static void mtrrs(void **state)
{
	const u64 all = 0xff00000000 | MTRR_MASK_VALID;

	(void)state;
	mtrrs_of_firmware();
	/* A frame buffer. */
	assert_false(refused(0x202, 0xd0000000 | MEMTYPE_WC));
	assert_false(refused(0x203, 0xfff0000000 | MTRR_MASK_VALID));
	assert_int_equal(cpu.flushes, 4);
	/* The hypervisor's memory, all of it or its end; and what it would not be. */
	assert_false(refused(0x204, MEMTYPE_WC));
	assert_true(refused(0x205, all));
	assert_int_equal(cpu.pairs[5], 0);
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
	assert_int_equal(cpu.cr0, CR0_PE | CR0_PG);
}

static void mtrrs_when_cpuid_says_none(void **state)
{
	(void)state;
	mtrrs_of_firmware();
	cpu.cpuid_changed = true;
	assert_true(refused(0x201, 0));
	assert_true(refused(0x2ff, MTRR_DEF_TYPE_E | MEMTYPE_WP));
	cpu.cpuid_changed = false;
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
	assert_int_equal(cpu.def_type, MEMTYPE_UC);
	assert_false(refused(0x203, 0));
	assert_false(refused(0x2ff, MTRR_DEF_TYPE_E | MEMTYPE_WB));
}

static void one_pat_for_both(void **state)
{
	(void)state;
	fake_console_clear();
	assert_false(refused(0x277, 0x0007010600070106));
	assert_int_equal(cpu.written, 0x0007010600070106);
	assert_int_equal(fake_says, 0);
	/* Registers of the hypervisor's are by entry 3: it is uncached. */
	assert_false(refused(0x277, 0x0007010601070106));
	assert_int_equal(cpu.written, 0x0007010600070106);
	assert_int_equal(fake_says, 1);
	machine.lines_said[LINE_PAT] = 0;
	fake_console_clear();
	assert_false(refused(0x277, 0x0007010600070100));
	assert_int_equal(cpu.written, 0x0007010600070106);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mtrrs),
		cmocka_unit_test(mtrrs_when_cpuid_says_none),
		cmocka_unit_test(mtrrs_off_and_on),
		cmocka_unit_test(one_pat_for_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
