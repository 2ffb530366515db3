/* SPDX-License-Identifier: MIT */
/* SVM on: APM vol. 2 15.4, 15.5.1, 15.17, 15.30. */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/safe.h"
#include "mm/phys/phys.h"
#include "svm/svm.h"

/* VMRUN takes physical addresses; as part of the image they need no allocator. */
static struct svm_vcpu svm_vcpus[1];

struct svm_vcpu *svm_vcpu_of(u32 cpu)
{
	return &svm_vcpus[cpu];
}

int svm_enable(void *page)
{
	u64 vm_cr;

	/* An emulated CPU may lack VM_CR. */
	if (rdmsr_safe(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVMDIS)) {
		/* Each CPU has its own. */
		if (svm_check_vm_cr(vm_cr, cpuid(0x8000000a, 0).edx) < 0)
			return -1;
		wrmsr(MSR_VM_CR, vm_cr & ~VM_CR_SVMDIS);
	}
	/* The gate would take odd megabytes away: guest/a20.c. A CPU may lack the bit. */
	if (rdmsr_safe(MSR_VM_CR, &vm_cr))
		wrmsr_safe(MSR_VM_CR, vm_cr | VM_CR_DIS_A20M);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, phys_addr(page));
	/*
	 * For good: VMRUN sets GIF and an exit clears it, so that interrupts, NMIs and INIT wait while
	 * the hypervisor runs, and are the guest's as soon as it does.
	 */
	__asm__ volatile("clgi");
	return 0;
}

/*
 * First choice: INIT becomes an exception, #SX, and SMIs, which firmware wants all CPUs to take, go on
 * coming (15.28, 15.30.1). Else GIF stays clear, which holds both: 15.17. A CPU that INIT has not reset
 * ignores start-up IPIs.
 */
bool svm_block_init(u32 way)
{
	u64 vm_cr;

	if (way)
		return true;
	if (!rdmsr_safe(MSR_VM_CR, &vm_cr) || !wrmsr_safe(MSR_VM_CR, vm_cr | VM_CR_R_INIT) ||
	    !(rdmsr(MSR_VM_CR) & VM_CR_R_INIT))
		return false;
	__asm__ volatile("stgi");
	return true;
}
