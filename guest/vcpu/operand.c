/* SPDX-License-Identifier: MIT */
/* The instruction at RIP and its operands, where the CPU does not tell them. */
#include "arch/console.h"
#include "arch/cpu.h"
#include "guest/insn/insn.h"
#include "guest/machine/vcpu.h"
#include "guest/vcpu/instruction.h"
#include "guest/vcpu/memory.h"

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

u64 guest_operand(struct vcpu *v, const struct insn_mem *mem, u8 len)
{
	u64 base[INSN_NR_SEGS] = {0};
	struct segment seg;

	if (!guest_code_is_64bit(v) || mem->seg == SEG_FS || mem->seg == SEG_GS) {
		v->ops->get_seg(v, (enum seg)mem->seg, &seg);
		base[mem->seg] = seg.base;
	}
	return insn_mem_gva(mem, v->gpr, base, v->rip + len);
}
