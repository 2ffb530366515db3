/* SPDX-License-Identifier: MIT */
/* Events for the guest. */
#ifndef GUEST_VCPU_INJECT_H
#define GUEST_VCPU_INJECT_H

#include "guest/machine/backend.h"

/* Raise an exception at the current instruction. */
void inject_gp(struct vcpu *v);
void inject_zero(struct vcpu *v, enum vector vector); /* with an error code, of 0 */
void inject_ud(struct vcpu *v);
/* Raise a fault, or what it becomes while `cut` was being delivered: SDM vol. 3A table 6-5. */
void inject_fault(struct vcpu *v, const struct event *fault, const struct event *cut);
/* The same for #PF. */
void inject_pf(struct vcpu *v, u64 gva, u32 pfec, const struct event *cut);
/* Start an event again whose delivery an exit has cut. */
void reinject(struct vcpu *v, const struct event *cut);

/*
 * What exited is a fault: set RF as a fault's delivery saves it, since an instruction breakpoint at RIP has
 * had its turn before the fault, and is not to hit again when the instruction restarts. SDM vol. 3C 28.3.3
 * has the CPU do it, but Bochs does not, nor does SVM.
 */
static inline void set_saved_rf(struct vcpu *v, const struct vmexit *exit)
{
	if (exit->vectoring.type == EVENT_NONE)
		v->rflags |= RFLAGS_RF;
}

#endif
