/* SPDX-License-Identifier: MIT */
/* The instruction at RIP: what it is, the way past it, and the breakpoints that it meets. */
#ifndef GUEST_VCPU_INSTRUCTION_H
#define GUEST_VCPU_INSTRUCTION_H

#include "guest/machine/backend.h"

/* The code that runs is 64-bit code. */
bool guest_code_is_64bit(struct vcpu *v);

/* Decode the system instruction at RIP. False: it is none, or cannot be read. */
bool guest_decode_system(struct vcpu *v, struct insn_system *out);

/* The linear address of a memory operand of the instruction at RIP, which is `len` bytes long. */
u64 guest_operand(struct vcpu *v, const struct insn_mem *mem, u8 len);
/*
 * The same for an instruction that exits before its operand is looked at. Returns what the address of `size`
 * bytes raises, VEC_GP, VEC_SS or VEC_AC with an error code of 0, because of its segment, because it is none
 * (SDM vol. 3A 3.3.7.1, 5.3), or as guest_is_misaligned() has it; 0: nothing. What its page raises is another
 * matter.
 */
u8 guest_find_operand(struct vcpu *v, const struct insn_mem *mem, u8 len, u32 size, bool write,
		      u64 *gva);
/* A user's access there raises #AC: SDM vol. 3A 6.15, Interrupt 17. size: a power of two. */
bool guest_is_misaligned(struct vcpu *v, u64 gva, u32 size);
/* It is canonical. */
bool guest_is_address(const struct vcpu *v, u64 gva);

/* The instruction that exited is done: go on behind it. */
void insn_skip(struct vcpu *v, const struct vmexit *exit);

/*
 * The instruction that exited cannot be read: run it again. It was changed or unmapped since it ran, and will
 * be seen next time; or it never can be, which ends the guest, or is #UD for a user: he may have such a page,
 * where his kernel gives him a device's memory.
 */
void insn_unread(struct vcpu *v);

/* The rest of insn_done(): the #DB for these DR6_B bits, and for a single step. */
void insn_trap(struct vcpu *v, u64 traps);
/*
 * An instruction was completed in software, RIP is moved on: the traps that follow it, a single step and
 * what was watched, are due (SDM vol. 3B 18.3.1.4), and it ends what held events off.
 */
static inline void insn_done(struct vcpu *v)
{
	u64 traps = v->ops->end_shadow(v) | v->debug_traps;

	if (unlikely(traps | (v->rflags & RFLAGS_TF)))
		insn_trap(v, traps);
}
/*
 * An instruction that is about to complete accessed memory, or a port: is there a breakpoint. Not for one
 * that faults. size: bytes. write: it wrote, whatever else it did. SDM vol. 3B 18.2.5.
 */
void watch_data(struct vcpu *v, u64 gva, u32 size, bool write);
void watch_port(struct vcpu *v, u16 port, u32 size);
/* The DR6_B bits of an instruction breakpoint that is set at RIP. */
u64 watched_code(struct vcpu *v);
/*
 * The DR6_B bits of what a MOV SS from memory has met, if that is the instruction before RIP. To be called
 * right after an exit: the registers are those that its address was made of.
 */
u64 watched_mov_ss(struct vcpu *v);

#endif
