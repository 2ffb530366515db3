/* SPDX-License-Identifier: MIT */
/* What notrap requires of SVM, each requirement with its own message. */
#include "svm/caps.h"

#include "arch/console.h"
#include "arch/cpu.h"

int svm_check_vm_cr(u64 vm_cr, u32 svm_edx)
{
	/* Disabled but not locked leaves the choice to the first that asks: enable.c. */
	if (!(vm_cr & VM_CR_SVMDIS) || !(vm_cr & VM_CR_LOCK))
		return 0;
	return fail(
		"SVM is disabled and locked by the firmware (VM_CR = %lx%s): enable \"SVM Mode\" "
		"in the firmware setup",
		vm_cr, svm_edx & CPUID_8000000A_EDX_SVML ? ", with a key" : "");
}

int svm_decide(const struct svm_raw *raw, struct svm_caps *caps)
{
	if (!(raw->ext_ecx & CPUID_80000001_ECX_SVM))
		return fail(
			"this CPU has no SVM (CPUID.80000001h:ECX bit 2 is clear): notrap needs AMD-V; "
			"enable \"SVM Mode\" in the firmware setup, or in a virtual machine nested "
			"virtualization");
	if (svm_check_vm_cr(raw->vm_cr, raw->svm_edx) < 0)
		return -1;
	/* Every page would have a second address, with the C-bit: hidden memory as well. 7.10.1. */
	if (raw->syscfg & SYSCFG_SMEE)
		return fail(
			"the firmware has switched memory encryption on (SYSCFG = %lx): disable "
			"\"SMEE\" or \"SME\" in the firmware setup",
			raw->syscfg);
	if (raw->svm_ebx < 2)
		return fail("this CPU's SVM has %u address space identifiers, notrap needs 2",
			    raw->svm_ebx);
	*caps = (struct svm_caps){
		.asids = raw->svm_ebx,
		.nested_paging = raw->svm_edx & CPUID_8000000A_EDX_NP,
		.flush_by_asid = raw->svm_edx & CPUID_8000000A_EDX_FLUSHBYASID,
		.clean_bits = raw->svm_edx & CPUID_8000000A_EDX_CLEAN,
	};
	return 0;
}
