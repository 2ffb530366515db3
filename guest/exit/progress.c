/* SPDX-License-Identifier: MIT */
/*
 * A guest that cannot get on.
 *
 * After some exits the guest has to do the same again: run the instruction, for which a shadow was
 * mended, or have the event delivered that the exit has cut. The rule: when NO_PROGRESS of them follow
 * each other, at one RIP, with the same registers and no other exit between, it will never be otherwise, and
 * the cause is the hypervisor or the CPU. That ends with a line and a crash record. An exit that hands
 * the guest a fault of its own does not count: a guest whose handler changes nothing loops on the bare
 * machine too.
 */
#include "arch/console.h"
#include "arch/cpu.h"
#include "guest/exit/handlers.h"
#include "guest/exit/lane.h"
#include "guest/vcpu/crash.h"

#define NO_PROGRESS 1024

/* A sum of the registers that tells a loop's passes apart. */
static u64 mix_registers(const struct vcpu *v)
{
	u64 sum = v->rflags;

	for (u32 i = 0; i < NR_GPRS; i++)
		sum = (sum << 7 | sum >> 57) ^ v->gpr[i];
	return sum;
}

NORETURN static void stuck(struct vcpu *v, const struct vmexit *exit)
{
	if (exit->vectoring.type != EVENT_NONE)
		say("vector %u was being delivered", exit->vectoring.vector);
	if (exit->kind == VMEXIT_PF)
		say("the last page fault: address %lx, error code %x", exit->pf.gva,
		    exit->pf.error);
	fail("no progress at rip %lx: exit %lu (%s) comes again and again, though the guest's tables "
	     "allow what it does; a CPU that switches tasks without an exit does this: run a guest "
	     "that has none, or another CPU",
	     v->rip, exit->reason, v->ops->exit_name(exit->reason));
	guest_crashed(v);
}

u32 again_in_a_row(struct vcpu *v, const struct vmexit *exit)
{
	struct retries *r = &v->retries;
	u64 regs;

	/* Until then it may be a loop of one instruction. */
	if (likely(++r->nr < RETRIES_IN_A_ROW))
		return 0;
	regs = mix_registers(v);
	if (r->nr > RETRIES_IN_A_ROW && r->regs != regs)
		r->nr = 0;
	r->regs = regs;
	if (unlikely(r->nr > NO_PROGRESS))
		stuck(v, exit);
	return r->nr;
}

/* RSP is as at the last exit that took the general way. Where no other register changes, that way sees it. */
bool lane_got_on(struct vcpu *v)
{
	struct retries *r = &v->retries;
	u64 regs = mix_registers(v);
	bool got_on = r->nr + 1 > RETRIES_IN_A_ROW && r->regs != regs;

	r->regs = regs;
	if (got_on)
		r->last = 0;
	return got_on;
}
