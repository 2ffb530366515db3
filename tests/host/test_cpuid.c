/* SPDX-License-Identifier: MIT */
/* What a guest reads by CPUID: guest/exit/cpuid.c on a CPU that has all there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#undef fail /* the console has a function of that name */

#include "arch/types.h"

/* In the place of arch/insn.h. */
#define ARCH_INSN_H
struct cpuid {
	u32 eax, ebx, ecx, edx;
};

static struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	(void)leaf;
	(void)subleaf;
	return (struct cpuid){~0U, ~0U, ~0U, ~0U};
}

static void cpuid_gprs(u64 *rax, u64 *rbx, u64 *rcx, u64 *rdx)
{
	*rax = *rbx = *rcx = *rdx = ~0U;
}

#include "guest/exit/cpuid.c"

static bool code_is_64bit;

bool guest_code_is_64bit(struct vcpu *v)
{
	(void)v;
	return code_is_64bit;
}

void insn_skip(struct vcpu *v, const struct vmexit *exit)
{
	(void)v;
	(void)exit;
}

static u64 get_cr(const struct vcpu *v, int nr)
{
	(void)v;
	(void)nr;
	return 0;
}

static void hide_nothing(u32 leaf, u32 subleaf, u32 regs[4])
{
	(void)leaf;
	(void)subleaf;
	(void)regs;
}

static struct backend ops = {.get_cr = get_cr, .hide_cpuid = hide_nothing};
static struct paging_ops paging = {.phys_bits = 46};
static struct machine machine = {.paging = &paging, .maxphyaddr = 52};

static void answer(u32 leaf, u32 subleaf, u32 regs[4])
{
	struct vcpu *v = &machine.vcpu;

	v->machine = &machine;
	v->ops = &ops;
	v->gpr[RAX] = leaf;
	v->gpr[RCX] = subleaf;
	answer_cpuid(v);
	regs[EAX] = (u32)v->gpr[RAX];
	regs[EBX] = (u32)v->gpr[RBX];
	regs[ECX] = (u32)v->gpr[RCX];
	regs[EDX] = (u32)v->gpr[RDX];
}

static void hidden(void **state)
{
	static const struct {
		u32 leaf, subleaf;
		u8 reg, bit;
	} bits[] = {
		{1, 0, ECX, 5},         /* VMX */
		{1, 0, EDX, 21},        /* DS */
		{7, 0, EBX, 25},        /* PT */
		{7, 0, ECX, 7},         /* CET_SS */
		{7, 0, ECX, 23},        /* Key Locker */
		{7, 0, EDX, 5},         /* UINTR */
		{7, 1, EAX, 17},        /* FRED */
		{7, 1, EAX, 27},        /* MSRLIST */
		{7, 1, ECX, 5},         /* MSR_IMM */
		{7, 1, EDX, 15},        /* USER_MSR */
		{7, 1, EDX, 21},        /* APX_F */
		{0xd, 0, EAX, 19},      /* its registers */
		{0xd, 19, EAX, 8},      /* and their size */
		{0x19, 0, EBX, 0},      /* Key Locker's leaf */
		{0x29, 0, EBX, 0},      /* APX' */
		{0x80000001, 0, ECX, 2} /* SVM */
	};
	u32 regs[4];
	(void)state;

	for (u32 i = 0; i < ARRAY_SIZE(bits); i++) {
		answer(bits[i].leaf, bits[i].subleaf, regs);
		if (regs[bits[i].reg] & BIT(bits[i].bit))
			print_error("leaf %x, %u: bit %u\n", bits[i].leaf, bits[i].subleaf,
				    bits[i].bit);
		assert_false(regs[bits[i].reg] & BIT(bits[i].bit));
	}
	answer(7, 1, regs);
	assert_true(regs[EAX] & BIT(4)); /* AVX-VNNI */
	answer(0xd, 0, regs);
	assert_int_equal(regs[EAX], (u32)~XCR0_APX);
}

/* A lane gives the others without a look at them. */
static void changed_leaves(void **state)
{
	u32 regs[4];
	(void)state;

	for (u32 leaf = 0; leaf < 64; leaf++) {
		bool changed = false;

		for (u32 subleaf = 0; subleaf < 32; subleaf++) {
			answer(leaf, subleaf, regs);
			changed |= (regs[EAX] & regs[EBX] & regs[ECX] & regs[EDX]) != ~0U;
		}
		assert_int_equal(changed, !!(CPUID_CHANGED_LEAVES & BIT(leaf)));
	}
}

/* SDM vol. 2A, CPUID: on Intel's CPUs by 64-bit code alone; EFER's bit is there all the same. */
static void syscall_is_told(void **state)
{
	u32 regs[4];
	(void)state;

	for (u32 i = 0; i < 4; i++) {
		ops.amd = i & 1;
		code_is_64bit = i & 2;
		answer(0x80000001, 0, regs);
		assert_int_equal(!!(regs[EDX] & CPUID_80000001_EDX_SYSCALL), i != 0);
		cpuid_limits(&machine);
		assert_true(machine.efer_allowed & EFER_SCE);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hidden),
		cmocka_unit_test(changed_leaves),
		cmocka_unit_test(syscall_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
