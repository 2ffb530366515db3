/* SPDX-License-Identifier: MIT */
/* A new VMCB: what exits, and a guest state that is valid until its owner sets the rest. */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/string.h"
#include "guest/vcpu/mitigate.h"
#include "mm/phys/phys.h"
#include "svm/svm.h"

/*
 * As little as shadow paging and the machine's safety allow. Interrupts, NMIs and SMIs are the
 * guest's; so is XSETBV, since the hypervisor has no extended state. A task switch loads CR3.
 */
static const enum intercept always[] = {
	INTERCEPT_INIT,  INTERCEPT_CPUID,   INTERCEPT_INVD,     INTERCEPT_INVLPGA,
	INTERCEPT_IOIO,  INTERCEPT_MSR,     INTERCEPT_SHUTDOWN, INTERCEPT_TASK_SWITCH,
	INTERCEPT_VMRUN, INTERCEPT_VMMCALL, INTERCEPT_VMLOAD,   INTERCEPT_VMSAVE,
	INTERCEPT_STGI,  INTERCEPT_CLGI,    INTERCEPT_SKINIT,
};

static void set_controls(struct svm_vcpu *svm)
{
	struct vmcb *vmcb = &svm->vmcb;

	svm_intercept_cr_read(svm, 3, true);
	vmcb->cr_write = BIT(3) | BIT(4);
	for (u32 i = 0; i < ARRAY_SIZE(always); i++)
		svm_intercept(svm, always[i], true);
	/* Its bit exists only with the instruction. */
	if (cpu_has_invpcid())
		svm_intercept(svm, INTERCEPT_INVPCID, true);
	vmcb->iopm_hpa = phys_addr(svm->iopm);
	vmcb->msrpm_hpa = phys_addr(svm->msrpm);
	vmcb->asid = 1; /* 0 is the hypervisor's own */
	/* Whatever ran under this ASID before. */
	vmcb->tlb_control = TLB_FLUSH_ALL;
}

int svm_vcpu_init(struct vcpu *v)
{
	struct svm_vcpu *svm = svm_vcpu_of(0);
	struct vmcb *vmcb = &svm->vmcb;

	v->hw = svm;
	svm->vmcb_hpa = phys_addr(vmcb);
	svm->host_hpa = phys_addr(&svm->host);
	svm->clean = svm->caps.clean_bits ? CLEAN_ALL : 0;
	if (v->guards & GUARD_CLEAR)
		svm->next |= SVM_NEXT_CLEAR;
	if (v->guards & GUARD_VERW)
		svm->next |= SVM_NEXT_VERW;
	if (v->guards & GUARD_IBPB)
		svm->next |= SVM_NEXT_IBPB;
	/* What VMLOAD gives back to the hypervisor after each exit. */
	__asm__ volatile("vmsave %0" : : "a"(svm->host_hpa) : "memory");
	svm_prove(svm);

	memset(vmcb, 0, sizeof(*vmcb));
	set_controls(svm);
	svm_set_pf_filter(v, PF_FILTER_ALL);
	vmcb->efer = EFER_SVME;
	vmcb->dr6 = DR6_NONE;
	vmcb->dr7 = DR7_NONE;
	vmcb->g_pat = rdmsr(MSR_PAT);
	return 0;
}

/*
 * APM vol. 2 15.25. The guest has its own CR0, CR3, CR4, EFER and PAT then: 15.25.2. Writes to CR0 go
 * on to exit by CR0_SEL_WRITE, and those to CR4 all do.
 */
void svm_enable_nested(struct vcpu *v, u64 root)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb *vmcb = &svm->vmcb;

	vmcb->nested_control = SVM_NESTED_PAGING;
	vmcb->nested_cr3 = root;
	svm_intercept_cr_read(svm, 3, false);
	vmcb->cr_write &= ~BIT(3);
	svm_set_pf_filter(v, PF_FILTER_NONE);
	svm_set_invlpg_exiting(v, false);
	svm_intercept(svm, INTERCEPT_INVPCID, false);
	svm_dirty(svm, CLEAN_INTERCEPTS | CLEAN_NP);
}
