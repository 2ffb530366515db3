/* SPDX-License-Identifier: MIT */
/* What CPUs need against speculation, by what real ones say of themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "guest/vcpu/mitigate.h"

/* CPUID.(7,0).EDX: MD_CLEAR, IBRS and IBPB, STIBP, L1D_FLUSH, ARCH_CAPABILITIES, SSBD. */
#define EDX_2018 0xbc000400 /* with MD_CLEAR, and ARCH_CAPABILITIES */
#define EDX_OLD  0x9c000400 /* the same without ARCH_CAPABILITIES: Broadwell, Skylake */
#define RTM      0x00000800

/* As microcode of 2024 has it. */
static const struct model {
	const char *name;
	struct mitigate_cpu cpu;
	u32 shadow, ept; /* needs on either */
} models[] = {
	{"Penryn", {.family = 6, .model = 0x17}, GUARD_CLEAR, GUARD_CLEAR},
	{"Broadwell before 2018", {.family = 6, .model = 0x3d}, GUARD_CLEAR, GUARD_CLEAR},
	{"Broadwell",
	 {.family = 6, .model = 0x3d, .leaf_7_edx = EDX_OLD, .leaf_7_ebx = RTM},
	 GUARD_CLEAR | GUARD_VERW,
	 GUARD_CLEAR | GUARD_VERW | GUARD_L1D},
	{"Skylake",
	 {.family = 6, .model = 0x5e, .leaf_7_edx = EDX_OLD, .leaf_7_ebx = RTM},
	 GUARD_CLEAR | GUARD_VERW | GUARD_IBRS,
	 GUARD_CLEAR | GUARD_VERW | GUARD_IBRS | GUARD_L1D},
	{"Skylake-X",
	 {.family = 6, .model = 0x55, .leaf_7_edx = EDX_2018, .arch_capabilities = 0x4},
	 GUARD_CLEAR | GUARD_VERW | GUARD_IBRS,
	 GUARD_CLEAR | GUARD_VERW | GUARD_IBRS | GUARD_L1D},
	/* RDCL_NO, IBRS_ALL, SKIP_L1DFL, MDS_NO, IF_PSCHANGE_MC_NO, TSX_CTRL: TAA with RTM, MMIO. */
	{"Cascade Lake",
	 {.family = 6,
	  .model = 0x55,
	  .leaf_7_edx = EDX_2018,
	  .leaf_7_ebx = RTM,
	  .arch_capabilities = 0x200eb},
	 GUARD_CLEAR | GUARD_VERW | GUARD_HOLD_IBRS,
	 GUARD_CLEAR | GUARD_VERW | GUARD_HOLD_IBRS},
	{"Cascade Lake, TSX off, without MMIO's FB_CLEAR",
	 {.family = 6, .model = 0x55, .leaf_7_edx = EDX_2018, .arch_capabilities = 0xeb},
	 GUARD_CLEAR | GUARD_HOLD_IBRS,
	 GUARD_CLEAR | GUARD_HOLD_IBRS},
	{"Ice Lake server: MMIO stale data",
	 {.family = 6, .model = 0x6a, .leaf_7_edx = EDX_2018, .arch_capabilities = 0x201eb},
	 GUARD_CLEAR | GUARD_VERW | GUARD_HOLD_IBRS,
	 GUARD_CLEAR | GUARD_VERW | GUARD_HOLD_IBRS},
	{"Alder Lake: RFDS",
	 {.family = 6,
	  .model = 0x97,
	  .leaf_7_edx = EDX_2018,
	  .leaf_7_2_edx = 4,
	  .arch_capabilities = 0x1008e16b},
	 GUARD_CLEAR | GUARD_VERW | GUARD_HOLD_IBRS,
	 GUARD_CLEAR | GUARD_VERW | GUARD_HOLD_IBRS},
	{"Sapphire Rapids: nothing to overwrite",
	 {.family = 6,
	  .model = 0x8f,
	  .leaf_7_edx = EDX_2018,
	  .leaf_7_ebx = RTM,
	  .leaf_7_2_edx = 4,
	  .arch_capabilities = 0x808e1eb},
	 GUARD_CLEAR | GUARD_HOLD_IBRS,
	 GUARD_CLEAR | GUARD_HOLD_IBRS},
	{"K8", {.amd = true, .family = 0xf}, GUARD_CLEAR, GUARD_CLEAR},
	{"Zen 1 before 2018", {.amd = true, .family = 0x17}, GUARD_CLEAR, GUARD_CLEAR},
	{"Zen 1, Zen 2",
	 {.amd = true, .family = 0x17, .leaf_80000008_ebx = BIT(12)},
	 GUARD_CLEAR | GUARD_IBPB,
	 GUARD_CLEAR | GUARD_IBPB},
	{"Zen 3 before 2023",
	 {.amd = true, .family = 0x19, .leaf_80000008_ebx = BIT(12) | BIT(29)},
	 GUARD_CLEAR,
	 GUARD_CLEAR},
	{"Zen 3 and 4",
	 {.amd = true,
	  .family = 0x19,
	  .leaf_80000008_ebx = BIT(12) | BIT(29),
	  .leaf_80000021_eax = BIT(5) | BIT(28)},
	 GUARD_CLEAR | GUARD_IBPB | GUARD_VERW,
	 GUARD_CLEAR | GUARD_IBPB | GUARD_VERW},
	{"Zen 5",
	 {.amd = true,
	  .family = 0x1a,
	  .leaf_80000008_ebx = BIT(12) | BIT(29),
	  .leaf_80000021_eax = BIT(28) | BIT(30) | BIT(31)},
	 GUARD_CLEAR | GUARD_BP_SPEC_REDUCE,
	 GUARD_CLEAR | GUARD_BP_SPEC_REDUCE},
	{"Zen 5, older microcode",
	 {.amd = true,
	  .family = 0x1a,
	  .leaf_80000008_ebx = BIT(12) | BIT(29),
	  .leaf_80000021_eax = BIT(28) | BIT(30)},
	 GUARD_CLEAR | GUARD_IBPB,
	 GUARD_CLEAR | GUARD_IBPB},
	{"a CPU without SRSO",
	 {.amd = true,
	  .family = 0x1a,
	  .leaf_80000008_ebx = BIT(12) | BIT(29),
	  .leaf_80000021_eax = BIT(28) | BIT(29)},
	 GUARD_CLEAR,
	 GUARD_CLEAR},
};

static void each_model(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(models); i++) {
		struct mitigate_cpu cpu = models[i].cpu;

		if (mitigate_needs(&cpu) != models[i].shadow)
			fail_msg("%s needs %x", models[i].name, mitigate_needs(&cpu));
		cpu.walks_guest = !cpu.amd;
		if (mitigate_needs(&cpu) != models[i].ept)
			fail_msg("%s with EPT needs %x", models[i].name, mitigate_needs(&cpu));
		/* Never what the CPU would raise #GP for. */
		assert_int_equal(mitigate_needs(&cpu) & ~mitigate_has(&cpu), 0);
	}
}

static void what_a_cpu_has(void **state)
{
	struct mitigate_cpu none = {.family = 6}, amd = {.amd = true, .family = 0x17};
	struct mitigate_cpu intel = {.family = 6, .walks_guest = true, .leaf_7_edx = EDX_OLD};

	(void)state;
	assert_int_equal(mitigate_has(&none), GUARD_CLEAR | GUARD_VERW);
	assert_int_equal(mitigate_has(&amd), GUARD_CLEAR | GUARD_VERW);
	assert_int_equal(mitigate_has(&intel),
			 GUARD_CLEAR | GUARD_VERW | GUARD_IBPB | GUARD_IBRS | GUARD_L1D);
	/* Bits of the same place mean other things on the other vendor's CPU. */
	amd.leaf_7_edx = EDX_2018;
	amd.arch_capabilities = ~0ULL;
	assert_int_equal(mitigate_has(&amd), GUARD_CLEAR | GUARD_VERW);
}

static void held_bits(void **state)
{
	struct mitigate_cpu cpu = {.family = 6, .leaf_7_2_edx = 4, .arch_capabilities = 2};

	(void)state;
	assert_int_equal(mitigate_held(&cpu), 1);
	cpu.arch_capabilities |= BIT(19);
	assert_int_equal(mitigate_held(&cpu), 1 | BIT(6));
	cpu.leaf_7_2_edx = 0;
	assert_int_equal(mitigate_held(&cpu), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_model),
		cmocka_unit_test(what_a_cpu_has),
		cmocka_unit_test(held_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
