/* SPDX-License-Identifier: MIT */
/* Is there SVM on this CPU, can notrap use it, and what of it must the guest not see. */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/safe.h"
#include "svm/svm.h"

int svm_probe(void)
{
	struct svm_raw raw = {0};

	if (cpuid(0x80000000, 0).eax >= 0x80000001)
		raw.ext_ecx = cpuid(0x80000001, 0).ecx;
	if (cpuid(0x80000000, 0).eax >= 0x8000000a) {
		struct cpuid svm = cpuid(0x8000000a, 0);

		raw.svm_ebx = svm.ebx;
		raw.svm_edx = svm.edx;
	}
	/* An emulated CPU may lack them; then nothing is disabled, or encrypted. */
	if (raw.ext_ecx & CPUID_80000001_ECX_SVM) {
		rdmsr_safe(MSR_VM_CR, &raw.vm_cr);
		rdmsr_safe(MSR_SYSCFG, &raw.syscfg);
	}
	return svm_decide(&raw, &svm_vcpu_of(0)->caps);
}

int svm_probe_nested(void)
{
	if (svm_vcpu_of(0)->caps.nested_paging)
		return 0;
	return fail(
		"mmu=npt: this CPU has no nested paging (CPUID.8000000Ah:EDX bit 0 is clear): use "
		"mmu=shadow");
}

enum { EAX, EBX, ECX, EDX };

#define LEAF_SEV 0x8000001f

void svm_hide_cpuid(u32 leaf, u32 subleaf, u32 regs[4])
{
	(void)subleaf;
	switch (leaf) {
	case 0x80000008:
		/* #UD in a guest whose VMCB does not enable it. */
		regs[EBX] &= ~(u32)CPUID_80000008_EBX_INVLPGB;
		break;
	case LEAF_SEV:
		/* It would take address bits away from page tables that have them. */
		regs[EAX] = regs[EBX] = regs[ECX] = regs[EDX] = 0;
		break;
	}
}
