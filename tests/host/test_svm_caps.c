/* SPDX-License-Identifier: MIT */
/* What notrap makes of SVM's CPUID leaf and VM_CR: every requirement missing once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* the console has a function of that name */

#include "arch/console.h"
#include "arch/cpu.h"
#include "svm/caps.h"
#include "svm/exit_names.h"
#include "svm/vmcb.h"
#include "tests/host/fake/console.h"

static struct svm_raw recent(void)
{
	return (struct svm_raw){
		.ext_ecx = CPUID_80000001_ECX_SVM,
		.svm_ebx = 32768,
		.svm_edx = CPUID_8000000A_EDX_NP | CPUID_8000000A_EDX_SVML |
			   CPUID_8000000A_EDX_CLEAN | CPUID_8000000A_EDX_FLUSHBYASID,
	};
}

static void accept(const struct svm_raw *raw, struct svm_caps *caps)
{
	fake_console_clear();
	memset(caps, 0xff, sizeof(*caps));
	if (svm_decide(raw, caps))
		assert_string_equal("accepted", fake_failed);
	assert_int_equal(fake_fails, 0);
}

static void refuse(const struct svm_raw *raw, const char *because)
{
	struct svm_caps caps;

	fake_console_clear();
	assert_int_equal(svm_decide(raw, &caps), -1);
	assert_int_equal(fake_fails, 1);
	if (!strstr(fake_failed, because))
		assert_string_equal(fake_failed, because);
}

static void test_accepted(void **state)
{
	struct svm_raw raw = recent();
	struct svm_caps caps;

	(void)state;
	accept(&raw, &caps);
	assert_int_equal(caps.asids, 32768);
	assert_true(caps.nested_paging);
	assert_true(caps.flush_by_asid);
	assert_true(caps.clean_bits);
	/* CPUID is not asked for these. */
	assert_false(caps.next_rip || caps.cr_operand || caps.invlpg_gva);
	assert_false(caps.cr2_stays || caps.events_stale);

	raw.svm_ebx = 2;
	raw.svm_edx = 0;
	accept(&raw, &caps);
	assert_int_equal(caps.asids, 2);
	assert_false(caps.nested_paging);
	assert_false(caps.flush_by_asid);
	assert_false(caps.clean_bits);
}

static void test_absent(void **state)
{
	struct svm_raw raw = recent();

	(void)state;
	raw.ext_ecx = ~(u32)CPUID_80000001_ECX_SVM;
	refuse(&raw, "has no SVM (CPUID.80000001h:ECX bit 2 is clear)");
	/* The first missing requirement is the one that is named. */
	raw.vm_cr = VM_CR_SVMDIS | VM_CR_LOCK;
	refuse(&raw, "has no SVM");
}

static void test_vm_cr(void **state)
{
	struct svm_raw raw = recent();
	struct svm_caps caps;

	(void)state;
	raw.vm_cr = VM_CR_LOCK;
	accept(&raw, &caps);
	/* Not locked: enable.c turns it on. */
	raw.vm_cr = VM_CR_SVMDIS;
	accept(&raw, &caps);
	raw.vm_cr = VM_CR_SVMDIS | VM_CR_LOCK;
	refuse(&raw, "disabled and locked by the firmware (VM_CR = 18, with a key)");
	raw.svm_edx &= ~(u32)CPUID_8000000A_EDX_SVML;
	refuse(&raw, "disabled and locked by the firmware (VM_CR = 18): enable \"SVM Mode\"");
}

static void test_memory_encryption(void **state)
{
	struct svm_raw raw = recent();
	struct svm_caps caps;

	(void)state;
	raw.syscfg = 0x760000;
	accept(&raw, &caps);
	raw.syscfg |= SYSCFG_SMEE;
	refuse(&raw, "memory encryption on (SYSCFG = f60000): disable \"SMEE\"");
}

static void test_asids(void **state)
{
	struct svm_raw raw = recent();

	(void)state;
	raw.svm_ebx = 1;
	refuse(&raw, "has 1 address space identifiers, notrap needs 2");
	raw.svm_ebx = 0;
	refuse(&raw, "has 0 address space identifiers");
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(svm_exit_name(SVM_EXIT_CPUID), "CPUID");
	assert_string_equal(svm_exit_name(SVM_EXIT_CR_READ + 3), "CR_READ");
	assert_string_equal(svm_exit_name(SVM_EXIT_CR_WRITE + 15), "CR_WRITE");
	assert_string_equal(svm_exit_name(0x20), "unknown");
	assert_string_equal(svm_exit_name(SVM_EXIT_EXCEPTION + 14), "exception");
	assert_string_equal(svm_exit_name(SVM_EXIT_INVPCID), "INVPCID");
	assert_string_equal(svm_exit_name(SVM_EXIT_NPF), "NPF");
	assert_string_equal(svm_exit_name(~0ULL), "INVALID");
	assert_string_equal(svm_exit_name(SVM_EXIT_INVALID), "INVALID");
	assert_string_equal(svm_exit_name(0x90), "unknown");
	assert_string_equal(svm_exit_name(0x401), "unknown");
}

/* What a CPU saves beside it: interrupts were on. */
static void test_interrupt_shadow(void **state)
{
	static struct vmcb vmcb;

	(void)state;
	for (u64 bits = 0; bits < 4; bits++) {
		vmcb.interrupt_state = bits;
		assert_int_equal(vmcb_in_shadow(&vmcb), bits & 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_memory_encryption),
		cmocka_unit_test(test_vm_cr),
		cmocka_unit_test(test_asids),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_interrupt_shadow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
