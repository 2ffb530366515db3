/* SPDX-License-Identifier: MIT */
/* Exceptions for the guest. */
#include "guest/vcpu/inject.h"

#include "arch/cpu.h"
#include "guest/vcpu/crash.h"
#include "guest/vcpu/instruction.h"

/* A fault pushes RF=1, so that a breakpoint at its instruction does not hit again: SDM vol. 3B 18.3.1.1. */
static void raise(struct vcpu *v, const struct event *event)
{
	v->rflags |= RFLAGS_RF;
	v->ops->inject(v, event);
}

void inject_zero(struct vcpu *v, enum vector vector)
{
	raise(v, &(struct event){.type = EVENT_EXCEPTION, .vector = vector, .has_error = true});
}

void inject_gp(struct vcpu *v)
{
	inject_zero(v, VEC_GP);
}

void inject_ud(struct vcpu *v)
{
	raise(v, &(struct event){.type = EVENT_EXCEPTION, .vector = VEC_UD});
}

/* RF as the delivery that was cut would have pushed it: SDM vol. 3B 18.3.1.1. */
static void restore_rf(struct vcpu *v, const struct event *cut)
{
	switch (cut->type) {
	case EVENT_SOFT_INT:
	case EVENT_PRIV_SOFT_EXC:
	case EVENT_SOFT_EXCEPTION:
		v->rflags &= ~RFLAGS_RF;
		break;
	case EVENT_EXCEPTION:
		/* #DB is a fault or a trap: the CPU knew. */
		if (cut->vector != VEC_DB)
			v->rflags |= RFLAGS_RF;
		break;
	case EVENT_AGAIN:
		/* The instruction itself clears RF first, but not on every emulator. */
		if (watched_code(v))
			v->rflags |= RFLAGS_RF;
		break;
	default:
		break;
	}
}

void reinject(struct vcpu *v, const struct event *cut)
{
	if (likely(cut->type == EVENT_NONE))
		return;
	restore_rf(v, cut);
	if (cut->type == EVENT_AGAIN)
		return;
	count(&v->counters, events_reinjected);
	v->ops->inject(v, cut);
}

static bool is_contributory(u8 vector)
{
	return vector == VEC_DE || (vector >= VEC_TS && vector <= VEC_GP);
}

static ALWAYS_INLINE void raise_over(struct vcpu *v, const struct event *fault,
				     const struct event *cut)
{
	static const struct event df = {
		.type = EVENT_EXCEPTION, .vector = VEC_DF, .has_error = true};
	bool twice = false;

	if (cut->type == EVENT_EXCEPTION) {
		if (cut->vector == VEC_DF)
			guest_triple_fault(v);
		if (cut->vector == VEC_PF)
			twice = fault->vector == VEC_PF || is_contributory(fault->vector);
		else
			twice = is_contributory(cut->vector) && is_contributory(fault->vector);
	}
	raise(v, twice ? &df : fault);
}

void inject_fault(struct vcpu *v, const struct event *fault, const struct event *cut)
{
	raise_over(v, fault, cut);
}

void inject_pf(struct vcpu *v, u64 gva, u32 pfec, const struct event *cut)
{
	v->ops->set_cr2(v, gva);
	raise_over(v,
		   &(struct event){.type = EVENT_EXCEPTION,
				   .vector = VEC_PF,
				   .has_error = true,
				   .error = pfec},
		   cut);
}
