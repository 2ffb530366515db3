/* SPDX-License-Identifier: MIT */
/* Where an instruction's memory operand is. */
#include "guest/insn/exec.h"
#include "guest/insn/insn.h"

static u64 linear_address(const struct insn_mem *mem, u64 ea, const u64 seg_base[INSN_NR_SEGS])
{
	ea &= insn_size_mask(mem->addrsize);
	if (mem->mode64)
		return mem->seg >= FS ? ea + seg_base[mem->seg] : ea;
	return (ea + seg_base[mem->seg]) & insn_size_mask(4);
}

u64 insn_mem_gva(const struct insn_mem *mem, const u64 gpr[16], const u64 seg_base[INSN_NR_SEGS],
		 u64 rip_next)
{
	return linear_address(mem, insn_mem_flat(mem, gpr, rip_next), seg_base);
}

u64 insn_gva(const struct insn *in, const u64 gpr[16], const u64 seg_base[INSN_NR_SEGS], u64 rip)
{
	u64 ea = insn_mem_flat(&in->mem, gpr, rip + in->len);

	/* A bit offset in a register is signed, and counts operands of opsize bytes from here. */
	if (in->op >= INSN_BTS && in->reg != INSN_NO_REG) {
		u64 sign = BIT(8 * in->opsize - 1);
		u64 byte = (u64)((s64)((insn_source(in, gpr) ^ sign) - sign) >> 3);

		ea += byte & ~(u64)(in->opsize - 1);
	}
	return linear_address(&in->mem, ea, seg_base);
}
