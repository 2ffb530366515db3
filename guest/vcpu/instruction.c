/* SPDX-License-Identifier: MIT */
/* The instruction at RIP: its operands, where the CPU does not tell them, and the way past it. */
#include "guest/vcpu/instruction.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "guest/insn/insn.h"
#include "guest/machine/machine.h"
#include "guest/vcpu/crash.h"
#include "guest/vcpu/inject.h"
#include "guest/vcpu/memory.h"

/* How often an instruction that exited runs again when it could not be read. */
#define UNREAD_MAX 64

bool guest_code_is_64bit(struct vcpu *v)
{
	return guest_in_long_mode(v) && (v->ops->seg_attr(v, SEG_CS) & SEG_ATTR_L);
}

bool guest_decode_system(struct vcpu *v, struct insn_system *out)
{
	u8 bytes[INSN_MAX_LEN];
	enum insn_mode mode;
	u32 avail = guest_fetch(v, v->ops->cpl(v) == 3 ? PFEC_U : 0, bytes, &mode);

	return insn_system(bytes, avail, mode, out) == 0;
}

void insn_unread(struct vcpu *v)
{
	struct insn_system insn;

	v->debug_traps = 0;
	/* SDM vol. 2A, LOCK: #UD. QEMU's TCG executes it all the same, and has it exit. */
	if (!guest_decode_system(v, &insn) && insn.locked) {
		v->unread = 0;
		inject_ud(v);
		return;
	}
	if (v->unread_rip != v->rip)
		v->unread = 0;
	v->unread_rip = v->rip;
	if (++v->unread < UNREAD_MAX)
		return;
	if (v->ops->cpl(v)) {
		if (machine_may_say(v->machine, LINE_UNREAD))
			say("a user's instruction at rip %lx exits and cannot be read: it is not in RAM, "
			    "and this CPU does not tell its length: #UD",
			    v->rip);
		v->unread = 0;
		inject_ud(v);
		return;
	}
	fail("the instruction at rip %lx exits and cannot be read: it is not in RAM, and this CPU does "
	     "not tell its length; run the guest's code from RAM",
	     v->rip);
	guest_crashed(v);
}

void insn_skip(struct vcpu *v, const struct vmexit *exit)
{
	struct insn_system insn = {.len = exit->insn_len};

	if (unlikely(!insn.len) && !guest_decode_system(v, &insn)) {
		insn_unread(v);
		return;
	}
	v->unread = 0;
	v->rip += insn.len;
	/* It crossed 4 GiB: outside of 64-bit code, compatibility mode included, it wraps to 0 there. */
	if (unlikely((v->rip ^ (v->rip - insn.len)) >> 32) && !guest_code_is_64bit(v))
		v->rip = (u32)v->rip;
	/* RF lasts until an instruction has completed: SDM vol. 3B 18.3.1.1. */
	v->rflags &= ~RFLAGS_RF;
	insn_done(v);
}
