/* SPDX-License-Identifier: MIT */
/* Exceptions for the guest. */
#include "guest/exits.h"

void inject_zero(struct vcpu *v, enum vector vector)
{
	v->ops->inject(
		v, &(struct event){.type = EVENT_EXCEPTION, .vector = vector, .has_error = true});
}

void inject_gp(struct vcpu *v)
{
	inject_zero(v, VEC_GP);
}

void inject_ud(struct vcpu *v)
{
	v->ops->inject(v, &(struct event){.type = EVENT_EXCEPTION, .vector = VEC_UD});
}

void reinject(struct vcpu *v, const struct event *cut)
{
	if (cut->type == EVENT_NONE)
		return;
	count(&v->counters, events_reinjected);
	v->ops->inject(v, cut);
}

void inject_pf(struct vcpu *v, u64 gva, u32 pfec, const struct event *cut)
{
	struct event event = {
		.type = EVENT_EXCEPTION, .vector = VEC_PF, .has_error = true, .error = pfec};

	if (cut->type == EVENT_EXCEPTION && cut->vector == VEC_DF)
		guest_triple_fault(v);
	v->ops->set_cr2(v, gva);
	if (cut->type == EVENT_EXCEPTION && cut->vector == VEC_PF) {
		event.vector = VEC_DF;
		event.error = 0;
	}
	v->ops->inject(v, &event);
}
