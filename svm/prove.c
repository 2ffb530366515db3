/* SPDX-License-Identifier: MIT */
/*
 * What the CPU tells at an exit, and which of the emulators' bugs it has: found out by running single
 * instructions in a guest that is the hypervisor itself, its own tables and registers. CPUID is not
 * asked: emulators claim features that they do not have.
 */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/percpu.h"
#include "arch/string.h"
#include "guest/machine/event.h"
#include "svm/svm.h"

#define TRY_CR2    0x5eed000
#define TRY_GVA    0x123450
#define TRY_VECTOR 0x20

extern const u8 svm_try_cpuid[], svm_try_read_cr3[], svm_try_cr3[], svm_try_invlpg[], svm_try_int[];

static void set_up(struct svm_vcpu *svm)
{
	struct vmcb_seg data = {.sel = SEL_DATA, .limit = ~0U, .attr = 0xc93};
	struct vmcb *vmcb = &svm->vmcb;
	struct desc_ptr gdt, idt;

	memset(vmcb, 0, sizeof(*vmcb));
	sgdt(&gdt);
	sidt(&idt);
	vmcb->es = vmcb->ss = vmcb->ds = data;
	vmcb->cs = (struct vmcb_seg){.sel = SEL_CODE, .limit = ~0U, .attr = 0x29b};
	vmcb->gdtr = (struct vmcb_seg){.base = gdt.base, .limit = gdt.limit};
	vmcb->idtr = (struct vmcb_seg){.base = idt.base, .limit = idt.limit};
	vmcb->cr0 = read_cr0();
	vmcb->cr3 = read_cr3();
	vmcb->cr4 = read_cr4();
	vmcb->efer = rdmsr(MSR_EFER);
	vmcb->rflags = RFLAGS_FIXED;
	vmcb->dr6 = DR6_NONE;
	vmcb->dr7 = DR7_NONE;
	vmcb->asid = 1;
	vmcb->tlb_control = TLB_FLUSH_ALL;
	vmcb->exceptions = ~0U;
	vmcb->cr_read = vmcb->cr_write = BIT(3);
	for (enum intercept i = INTERCEPT_INIT; i <= INTERCEPT_SKINIT; i++) {
		if (i == INTERCEPT_CPUID || i == INTERCEPT_INVLPG || i >= INTERCEPT_SHUTDOWN)
			svm_intercept(svm, i, true);
	}
	__asm__ volatile("vmsave %0" : : "a"(svm->vmcb_hpa) : "memory");
}

/* Run the one instruction at `code`; the exit code. */
static u64 run(struct svm_vcpu *svm, const u8 *code)
{
	u64 gpr[NR_GPRS] = {[RBX] = TRY_GVA, [RBP] = svm->vmcb.cr3};

	svm->vmcb.rip = (u64)code;
	svm_enter(gpr, svm->vmcb_hpa, svm->host_hpa);
	return svm->vmcb.exit_code;
}

/* QEMU calls it an exception: quirks.c. */
static bool is_nmi(u32 info)
{
	return (info & EVENT_INFO_VALID) && EVENT_INFO_VECTOR(info) == VEC_NMI &&
	       (EVENT_INFO_TYPE(info) == EVENT_NMI || EVENT_INFO_TYPE(info) == EVENT_EXCEPTION);
}

void svm_prove(struct svm_vcpu *svm)
{
	struct svm_caps *caps = &svm->caps;
	const struct vmcb *vmcb = &svm->vmcb;
	u64 interrupt =
		event_to_info(&(struct event){.type = EVENT_SOFT_INT, .vector = TRY_VECTOR});
	bool cut = false;

	set_up(svm);
	write_cr2(0);
	svm->vmcb.cr2 = TRY_CR2;
	caps->next_rip = run(svm, svm_try_cpuid) == SVM_EXIT_CPUID &&
			 vmcb->next_rip == (u64)svm_try_cpuid + 2;
	caps->cr2_stays = vmcb->cr2 != TRY_CR2;
	caps->cr_read_by_cr0 = run(svm, svm_try_read_cr3) != SVM_EXIT_CR_READ + 3;
	caps->cr_operand = run(svm, svm_try_cr3) == SVM_EXIT_CR_WRITE + 3 &&
			   vmcb->exit_info_1 == (EXIT_CR_IS_MOV | RBP);
	caps->invlpg_gva =
		run(svm, svm_try_invlpg) == SVM_EXIT_INVLPG && vmcb->exit_info_1 == TRY_GVA;
	/* Its gate is on a page that is not mapped. */
	svm->vmcb.idtr.base = (u64)this_cpu()->stacks->guard0;
	svm->vmcb.idtr.limit = PAGE_SIZE - 1;
	/* Where an NMI came and was cut in its place, this tells nothing: again. The NMI is lost. */
	for (u32 tries = 0; tries < 8; tries++) {
		cut = run(svm, svm_try_int) == SVM_EXIT_EXCEPTION + VEC_PF;
		if (!is_nmi((u32)vmcb->exit_int_info))
			break;
	}
	caps->events_stale = cut && (u32)vmcb->exit_int_info != interrupt;
}
