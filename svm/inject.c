/* SPDX-License-Identifier: MIT */
/* Events on their way into the guest: APM vol. 2 15.7.2, 15.20. */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/safe.h"
#include "guest/machine/event.h"
#include "guest/vcpu/instruction.h"
#include "svm/svm.h"

void svm_inject(struct vcpu *v, const struct event *event)
{
	struct svm_vcpu *svm = to_svm(v);

	if (event->type == EVENT_NONE)
		return;
	/* Neither STI nor MOV SS holds up what is injected, and delivery ends both. */
	svm->vmcb.interrupt_state = 0;
	svm->vmcb.event_inj = event_to_info(event);
	if (event->has_error)
		svm->vmcb.event_inj |= (u64)event->error << SVM_EVENT_ERROR_SHIFT;
	svm->event_pending = true;
}

void svm_set_cr2(struct vcpu *v, u64 gva)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->vmcb.cr2 = gva;
	svm_dirty(svm, CLEAN_CR2);
	svm_quirk_load_cr2(svm, gva);
}

/*
 * A breakpoint that MOV SS has met waits for the next instruction; when that one exits, the VMCB has no
 * place for it, and GIF=0 discards it (APM vol. 2 15.17).
 */
void svm_keep_traps(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->kept_traps = svm->vmcb.dr7 & DR7_ENABLED ? watched_mov_ss(v) : 0;
}

u64 svm_end_shadow(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	if (likely(!vmcb_in_shadow(&svm->vmcb)))
		return 0;
	svm->vmcb.interrupt_state = 0;
	return svm->kept_traps;
}

/*
 * An injection changes neither DR6 nor DR7: what #DB does to them is done here (APM vol. 2 13.1.1). A
 * breakpoint at the next instruction comes with it, since its handler returns there with RF=1.
 */
void svm_debug_trap(struct vcpu *v, u64 dr6)
{
	struct svm_vcpu *svm = to_svm(v);

	if (!(v->rflags & RFLAGS_RF))
		dr6 |= watched_code(v);
	svm->vmcb.dr6 = (svm->vmcb.dr6 & ~DR6_B) | dr6;
	svm->vmcb.dr7 &= ~(u64)DR7_GD;
	svm_dirty(svm, CLEAN_DR);
	svm_inject(v, &(struct event){.type = EVENT_EXCEPTION, .vector = VEC_DB});
}

u64 svm_dr7(struct vcpu *v)
{
	return to_svm(v)->vmcb.dr7;
}

/* Without LBR virtualization the guest's is the CPU's; not every emulated CPU has one. */
u64 svm_debugctl(struct vcpu *v)
{
	u64 debugctl;

	(void)v;
	return rdmsr_safe(MSR_DEBUGCTL, &debugctl) ? debugctl : 0;
}

/*
 * INT n, INT3 and INTO leave RIP at the instruction when their delivery is cut, so they simply run
 * again. That is exact where an injection is not: a CPU without next-RIP would have to be told where
 * the instruction ends.
 */
static bool runs_again(const struct event *event)
{
	return event->type == EVENT_SOFT_INT ||
	       (event->type == EVENT_EXCEPTION &&
		(event->vector == VEC_BP || event->vector == VEC_OF));
}

void svm_read_event(struct vcpu *v, struct event *event)
{
	const struct svm_vcpu *svm = to_svm(v);
	u64 info = svm->vmcb.exit_int_info;

	if (!event_of_info(event, (u32)info))
		return;
	if (event->has_error)
		event->error = (u32)(info >> SVM_EVENT_ERROR_SHIFT);
	svm_quirk_event(v, event);
	if (runs_again(event))
		event->type = EVENT_AGAIN;
}
