/* SPDX-License-Identifier: MIT */
/* What notrap makes of VMX capability MSRs: every requirement missing once, and the optional ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* the console has a function of that name */

#include "arch/console.h"
#include "arch/cpu.h"
#include "tests/host/fake/console.h"
#include "vmx/caps.h"
#include "vmx/exit_names.h"

/* A control MSR: bits that must be 1, and those that may be. */
#define CONTROLS(must, may) ((u64)(must) | (u64)((must) | (may)) << 32)

/* The default-1 class of each word, as on a CPU with the true controls: SDM vol. 3D A.3 to A.5. */
#define PIN_MUST   0x16
#define PROC_MUST  0x04006172
#define EXIT_MUST  0x00036dfb
#define ENTRY_MUST 0x000011fb

/* A recent CPU: everything there is. */
static struct vmx_msrs recent(void)
{
	return (struct vmx_msrs){
		.feature_control = FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX,
		.basic = 0x12 | 1024ULL << 32 | (u64)VMX_MEMTYPE_WB << 50 | VMX_BASIC_TRUE_CTLS,
		.pin = CONTROLS(PIN_MUST, 0xff),
		.proc = CONTROLS(PROC_MUST, 0xfff9fffe),
		.proc2 = CONTROLS(0, 0x7fffffff),
		.exit = CONTROLS(EXIT_MUST, 0x1ffffff),
		.entry = CONTROLS(ENTRY_MUST, 0x3ffff),
		.cr0_fixed0 = CR0_PE | CR0_NE | CR0_PG,
		.cr0_fixed1 = 0xffffffff,
		.cr4_fixed0 = CR4_VMXE,
		.cr4_fixed1 = 0x3767ff,
		.ept_vpid = 0xf0106f34141,
	};
}

/* The class of CPU that needs shadow paging most: no EPT, VPID, or switching of EFER and PAT. */
static struct vmx_msrs old(void)
{
	struct vmx_msrs m = recent();

	m.basic &= ~VMX_BASIC_TRUE_CTLS;
	m.proc = CONTROLS(PROC_MUST | PROC_CR3_LOAD | PROC_CR3_STORE, 0xfff9fffe);
	m.proc2 = CONTROLS(0, 0x41);
	m.exit = CONTROLS(EXIT_MUST | EXIT_CTL_SAVE_DEBUG, EXIT_CTL_HOST_64);
	m.entry = CONTROLS(ENTRY_MUST | ENTRY_CTL_LOAD_DEBUG, ENTRY_CTL_IA32E_GUEST);
	m.ept_vpid = 0;
	return m;
}

static void accept(const struct vmx_msrs *m, struct vmx_caps *caps)
{
	fake_console_clear();
	if (vmx_decide(m, caps))
		assert_string_equal("accepted", fake_failed);
	assert_int_equal(fake_fails, 0);
}

static void refuse(const struct vmx_msrs *m, const char *because)
{
	struct vmx_caps caps;

	fake_console_clear();
	assert_int_equal(vmx_decide(m, &caps), -1);
	assert_int_equal(fake_fails, 1);
	if (!strstr(fake_failed, because))
		assert_string_equal(fake_failed, because);
}

static void test_recent(void **state)
{
	struct vmx_msrs m = recent();
	struct vmx_caps caps;

	(void)state;
	accept(&m, &caps);
	assert_int_equal(caps.revision, 0x12);
	assert_int_equal(caps.pin, PIN_MUST);
	assert_int_equal(caps.proc, PROC_MUST | PROC_CR3_LOAD | PROC_CR3_STORE | PROC_IO_BITMAPS |
					    PROC_MSR_BITMAPS | PROC_SECONDARY);
	assert_int_equal(caps.proc2, PROC2_RDTSCP | PROC2_VPID | PROC2_XSAVES | PROC2_USER_WAIT);
	assert_int_equal(caps.exit, EXIT_MUST | EXIT_CTL_SAVE_DEBUG | EXIT_CTL_HOST_64 |
					    EXIT_CTL_SAVE_PAT | EXIT_CTL_LOAD_PAT |
					    EXIT_CTL_LOAD_EFER);
	assert_int_equal(caps.entry, ENTRY_MUST | ENTRY_CTL_LOAD_DEBUG | ENTRY_CTL_LOAD_PAT |
					     ENTRY_CTL_LOAD_EFER);
	assert_true(caps.efer_controls);
	assert_true(caps.pat_controls);
	assert_true(caps.nmi_window);
	assert_int_equal(caps.flush, VMX_FLUSH_SINGLE);
	assert_true(caps.invvpid_address);
}

static void test_old(void **state)
{
	struct vmx_msrs m = old();
	struct vmx_caps caps;

	(void)state;
	accept(&m, &caps);
	assert_int_equal(caps.proc2, 0);
	assert_false(caps.efer_controls);
	assert_false(caps.pat_controls);
	assert_int_equal(caps.flush, VMX_FLUSH_ENTRY);
	assert_false(caps.invvpid_address);

	assert_true(caps.nmi_window);
	m.pin &= ~((u64)PIN_VIRTUAL_NMIS << 32);
	accept(&m, &caps);
	assert_false(caps.nmi_window);
	m = old();
	m.proc &= ~((u64)PROC_NMI_WINDOW << 32);
	accept(&m, &caps);
	assert_false(caps.nmi_window);

	assert_int_equal(caps.mov_dr, PROC_MOV_DR);
	m.proc &= ~((u64)PROC_MOV_DR << 32);
	accept(&m, &caps);
	assert_int_equal(caps.mov_dr, 0);

	/* No secondary controls at all: what their MSR would hold is not looked at. */
	m.proc &= ~((u64)PROC_SECONDARY << 32);
	m.proc2 = ~0ULL;
	accept(&m, &caps);
	assert_int_equal(caps.proc2, 0);
}

static void test_feature_control(void **state)
{
	(void)state;
	fake_console_clear();
	assert_int_equal(vmx_check_feature_control(0), 0);
	assert_int_equal(vmx_check_feature_control(FEATURE_CONTROL_VMX), 0);
	assert_int_equal(vmx_check_feature_control(FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX), 0);
	assert_int_equal(fake_fails, 0);

	/* Only inside SMX does not help. */
	assert_int_equal(
		vmx_check_feature_control(FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX_IN_SMX), -1);
	assert_int_equal(vmx_check_feature_control(FEATURE_CONTROL_LOCK), -1);
	assert_int_equal(fake_fails, 2);
	assert_non_null(strstr(fake_failed, "IA32_FEATURE_CONTROL = 1)"));
	assert_non_null(strstr(fake_failed, "firmware setup"));

	struct vmx_msrs m = recent();

	m.feature_control = FEATURE_CONTROL_LOCK;
	refuse(&m, "disabled and locked by the firmware");
}

static void test_basic(void **state)
{
	struct vmx_msrs m = recent();

	(void)state;
	m.basic = (m.basic & ~(0x1fffULL << 32)) | 4097ULL << 32;
	refuse(&m, "4097 bytes");
	m = recent();
	m.basic &= ~(0xfULL << 50);
	refuse(&m, "memory of type 0");
	m = recent();
	m.basic |= VMX_BASIC_32BIT_ADDR;
	refuse(&m, "32-bit physical addresses");
	m = recent();
	m.cr0_fixed0 |= CR0_TS;
	refuse(&m, "forces CR0 bits 8");
	m = recent();
	m.cr4_fixed1 &= ~CR4_PAE;
	refuse(&m, "CR4 bits 20");
}

struct requirement {
	u64 (*word)(struct vmx_msrs *m, u64 clear, u64 set);
	u64 bit;
	bool off; /* must be able to be 0; else 1 */
	const char *because;
};

static u64 pin(struct vmx_msrs *m, u64 clear, u64 set)
{
	return m->pin = (m->pin & ~clear) | set;
}

static u64 proc(struct vmx_msrs *m, u64 clear, u64 set)
{
	return m->proc = (m->proc & ~clear) | set;
}

static u64 vm_exit(struct vmx_msrs *m, u64 clear, u64 set)
{
	return m->exit = (m->exit & ~clear) | set;
}

static u64 vm_entry(struct vmx_msrs *m, u64 clear, u64 set)
{
	return m->entry = (m->entry & ~clear) | set;
}

static const struct requirement requirements[] = {
	{pin, PIN_NMI, true, "off the pin-based execution control \"NMI exiting\""},
	{pin, PIN_VIRTUAL_NMIS, true, "\"virtual NMIs\""},
	{proc, PROC_NMI_WINDOW, true, "\"NMI-window exiting\""},
	{proc, PROC_CR3_LOAD, false,
	 "on the primary processor-based execution control \"CR3-load exiting\""},
	{proc, PROC_CR3_STORE, false, "\"CR3-store exiting\""},
	{proc, PROC_IO_BITMAPS, false, "\"use I/O bitmaps\""},
	{proc, PROC_MSR_BITMAPS, false, "\"use MSR bitmaps\" (bit 28)"},
	{proc, PROC_INVLPG, false,
	 "on the primary processor-based execution control \"INVLPG exiting\""},
	{proc, PROC_INVLPG, true,
	 "off the primary processor-based execution control \"INVLPG exiting\""},
	{proc, PROC_HLT, true, "off the primary processor-based execution control \"HLT exiting\""},
	{proc, PROC_MWAIT, true, "\"MWAIT exiting\""},
	{proc, PROC_RDPMC, true, "\"RDPMC exiting\""},
	{proc, PROC_RDTSC, true, "\"RDTSC exiting\""},
	{proc, PROC_CR8_LOAD, true, "\"CR8-load exiting\""},
	{proc, PROC_CR8_STORE, true, "\"CR8-store exiting\""},
	{proc, PROC_MOV_DR, true, "\"MOV-DR exiting\""},
	{proc, PROC_UNCONDITIONAL_IO, true, "\"unconditional I/O exiting\""},
	{proc, PROC_MONITOR, true, "\"MONITOR exiting\""},
	{proc, PROC_PAUSE, true, "\"PAUSE exiting\""},
	{vm_exit, EXIT_CTL_HOST_64, false, "on the VM-exit control \"host address-space size\""},
	{vm_exit, EXIT_CTL_SAVE_DEBUG, false, "\"save debug controls\""},
	{vm_entry, ENTRY_CTL_LOAD_DEBUG, false, "on the VM-entry control \"load debug controls\""},
	{vm_entry, ENTRY_CTL_IA32E_GUEST, false, "on the VM-entry control \"IA-32e mode guest\""},
	{vm_entry, ENTRY_CTL_IA32E_GUEST, true, "off the VM-entry control \"IA-32e mode guest\""},
};

static void test_requirements(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(requirements); i++) {
		const struct requirement *r = &requirements[i];
		struct vmx_msrs m = recent();

		/* Must be 1; or neither must nor may be. */
		r->word(&m, r->off ? 0 : r->bit | r->bit << 32, r->off ? r->bit : 0);
		refuse(&m, r->because);
	}
}

/* Half of a pair is as good as none. */
static void test_pairs(void **state)
{
	struct vmx_msrs m = recent();
	struct vmx_caps caps;

	(void)state;
	m.entry &= ~((u64)ENTRY_CTL_LOAD_EFER << 32);
	m.exit &= ~((u64)EXIT_CTL_SAVE_PAT << 32);
	accept(&m, &caps);
	assert_false(caps.efer_controls);
	assert_false(caps.pat_controls);
	assert_false(caps.exit & (EXIT_CTL_LOAD_EFER | EXIT_CTL_LOAD_PAT));
	assert_false(caps.entry & ENTRY_CTL_LOAD_PAT);
}

static void test_flush(void **state)
{
	struct vmx_msrs m = recent();
	struct vmx_caps caps;

	(void)state;
	m.ept_vpid &= ~(VPID_CAP_SINGLE | VPID_CAP_ADDRESS);
	accept(&m, &caps);
	assert_int_equal(caps.flush, VMX_FLUSH_ALL);
	assert_false(caps.invvpid_address);
	assert_true(caps.proc2 & PROC2_VPID);

	/* VPID that cannot be flushed is left off. */
	m.ept_vpid &= ~VPID_CAP_ALL;
	accept(&m, &caps);
	assert_int_equal(caps.flush, VMX_FLUSH_ENTRY);
	assert_false(caps.proc2 & PROC2_VPID);
	m = recent();
	m.ept_vpid &= ~VPID_CAP_INVVPID;
	accept(&m, &caps);
	assert_int_equal(caps.flush, VMX_FLUSH_ENTRY);
	assert_false(caps.proc2 & PROC2_VPID);
}

static void accept_nested(const struct vmx_msrs *m, struct vmx_nested_caps *nested)
{
	struct vmx_caps caps;

	accept(m, &caps);
	if (vmx_decide_nested(m, &caps, nested))
		assert_string_equal("accepted", fake_failed);
	assert_int_equal(fake_fails, 0);
}

/* Such a CPU runs notrap, but not with nested paging. */
static void refuse_nested(const struct vmx_msrs *m, const char *because)
{
	struct vmx_nested_caps nested;
	struct vmx_caps caps;

	accept(m, &caps);
	assert_int_equal(vmx_decide_nested(m, &caps, &nested), -1);
	assert_int_equal(fake_fails, 1);
	if (!strstr(fake_failed, because))
		assert_string_equal(fake_failed, because);
	assert_non_null(strstr(fake_failed, "mmu=ept: "));
	assert_non_null(strstr(fake_failed, "use mmu=shadow"));
}

static void test_nested(void **state)
{
	struct vmx_msrs m = recent();
	struct vmx_nested_caps nested;

	(void)state;
	accept_nested(&m, &nested);
	assert_int_equal(nested.proc,
			 PROC_MUST | PROC_IO_BITMAPS | PROC_MSR_BITMAPS | PROC_SECONDARY);
	assert_int_equal(nested.proc2, PROC2_EPT | PROC2_UNRESTRICTED_GUEST | PROC2_INVPCID |
					       PROC2_RDTSCP | PROC2_VPID | PROC2_XSAVES |
					       PROC2_USER_WAIT);
	assert_int_equal(nested.cr0_fixed0, CR0_NE);
	assert_true(nested.invept_single);

	/* What is nice to have. */
	m.ept_vpid &= ~EPT_CAP_SINGLE;
	m.proc2 &= ~((u64)PROC2_INVPCID << 32);
	accept_nested(&m, &nested);
	assert_false(nested.invept_single);
	assert_int_equal(nested.proc2, PROC2_EPT | PROC2_UNRESTRICTED_GUEST | PROC2_RDTSCP |
					       PROC2_VPID | PROC2_XSAVES | PROC2_USER_WAIT);
	m = recent();
	m.ept_vpid &= ~EPT_CAP_ALL;
	accept_nested(&m, &nested);
	assert_true(nested.invept_single);
}

static void test_nested_requirements(void **state)
{
	static const struct {
		u64 bits;
		const char *because;
	} ept[] = {
		{EPT_CAP_WALK_4, "no EPT of four levels;"},
		{EPT_CAP_WB, "no EPT in write-back memory;"},
		{EPT_CAP_2M, "no EPT pages of 2 MiB;"},
		{EPT_CAP_INVEPT, "no INVEPT;"},
		{EPT_CAP_SINGLE | EPT_CAP_ALL, "no INVEPT of a single context or of all;"},
	};
	struct vmx_msrs m = old();

	(void)state;
	refuse_nested(&m, "no EPT (extended page tables)");
	m = recent();
	m.proc2 &= ~((u64)PROC2_EPT << 32);
	refuse_nested(&m, "no EPT (extended page tables)");
	/* No secondary controls: what their MSR would hold is not looked at. */
	m = recent();
	m.proc &= ~((u64)PROC_SECONDARY << 32);
	refuse_nested(&m, "no EPT (extended page tables)");
	for (size_t i = 0; i < ARRAY_SIZE(ept); i++) {
		m = recent();
		m.ept_vpid &= ~ept[i].bits;
		refuse_nested(&m, ept[i].because);
	}
	m = recent();
	m.proc2 &= ~((u64)PROC2_UNRESTRICTED_GUEST << 32);
	refuse_nested(&m, "no \"unrestricted guest\" beside its EPT");
	m = recent();
	m.proc |= PROC_CR3_LOAD;
	refuse_nested(&m, "leave CR3 to the guest");
	m = recent();
	m.proc |= PROC_CR3_STORE;
	refuse_nested(&m, "leave CR3 to the guest");
	m = recent();
	m.exit &= ~((u64)EXIT_CTL_LOAD_EFER << 32);
	refuse_nested(&m, "no control that loads EFER");
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(vmx_exit_name(EXIT_CPUID), "CPUID");
	assert_string_equal(vmx_exit_name(EXIT_TDCALL), "TDCALL");
	assert_string_equal(vmx_exit_name(EXIT_REASON_ENTRY_FAILED | 33),
			    "VM entry failed: invalid guest state");
	assert_string_equal(vmx_exit_name(35), "unknown");
	assert_string_equal(vmx_exit_name(78), "unknown");
	assert_string_equal(vmx_insn_error_name(7), "VM entry with invalid control fields");
	assert_string_equal(vmx_insn_error_name(0), "unknown");
	assert_string_equal(vmx_insn_error_name(29), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recent),
		cmocka_unit_test(test_old),
		cmocka_unit_test(test_feature_control),
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_requirements),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_nested_requirements),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
