/* SPDX-License-Identifier: MIT */
/* Events on their way into the guest: APM vol. 2 15.7.2, 15.20. */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/safe.h"
#include "svm/svm.h"

#define DEBUGCTL_BTF BIT(1)

void svm_inject(struct vcpu *v, const struct event *event)
{
	struct svm_vcpu *svm = to_svm(v);

	if (event->type == EVENT_NONE)
		return;
	/* Neither STI nor MOV SS holds up what is injected, and delivery ends both. */
	svm->vmcb.interrupt_shadow = 0;
	svm->vmcb.event_inj =
		SVM_EVENT_VALID | (u64)event->type << SVM_EVENT_TYPE_SHIFT | event->vector;
	if (event->has_error)
		svm->vmcb.event_inj |= SVM_EVENT_ERROR | (u64)event->error << SVM_EVENT_ERROR_SHIFT;
	svm->event_pending = true;
}

bool svm_inject_pending(struct vcpu *v)
{
	return to_svm(v)->event_pending;
}

void svm_set_cr2(struct vcpu *v, u64 gva)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->vmcb.cr2 = gva;
	svm_dirty(svm, CLEAN_CR2);
	svm_quirk_load_cr2(svm, gva);
}

/* With BTF a single step counts branches, and none of these instructions is one. */
static bool counts_branches(void)
{
	u64 debugctl;

	return rdmsr_safe(MSR_DEBUGCTL, &debugctl) && (debugctl & DEBUGCTL_BTF);
}

void svm_insn_done(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->vmcb.interrupt_shadow = 0;
	if (unlikely(v->rflags & RFLAGS_TF) && !svm->event_pending && !counts_branches()) {
		svm->vmcb.dr6 |= DR6_BS;
		svm_dirty(svm, CLEAN_DR);
		svm_inject(v, &(struct event){.type = EVENT_EXCEPTION, .vector = VEC_DB});
	}
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

	event->type = EVENT_NONE;
	if (likely(!(info & SVM_EVENT_VALID)))
		return;
	event->type = (enum event_type)(info >> SVM_EVENT_TYPE_SHIFT & 7);
	event->vector = info & 0xff;
	event->has_error = info & SVM_EVENT_ERROR;
	event->error = event->has_error ? (u32)(info >> SVM_EVENT_ERROR_SHIFT) : 0;
	svm_quirk_event(v, event);
	if (runs_again(event))
		event->type = EVENT_NONE;
}
