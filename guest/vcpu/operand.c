/* SPDX-License-Identifier: MIT */
/* Where the memory operand of an instruction that is carried out is, and what its address alone raises. */
#include "arch/cpu.h"
#include "guest/insn/insn.h"
#include "guest/vcpu/instruction.h"

/* SDM vol. 3A table 3-1: of a code segment bit 1 says readable, of a data segment writable. */
#define TYPE_CODE        BIT(3)
#define TYPE_EXPAND_DOWN BIT(2)
#define TYPE_MORE        BIT(1)

bool guest_is_address(const struct vcpu *v, u64 gva)
{
	return is_canonical(gva, v->mmu.regs.cr4 & CR4_LA57 ? 57 : 48);
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

static bool has_right(const struct segment *seg, bool write)
{
	if (seg->attr & SEG_ATTR_UNUSABLE)
		return false;
	if (seg->attr & TYPE_CODE)
		return !write && (seg->attr & TYPE_MORE);
	return !write || (seg->attr & TYPE_MORE);
}

/* `size` bytes from this offset on are within the segment. */
static bool within_limit(const struct segment *seg, u64 offset, u32 size)
{
	bool expand_down = (seg->attr & (TYPE_CODE | TYPE_EXPAND_DOWN)) == TYPE_EXPAND_DOWN;
	u64 last = offset + size - 1;

	if (expand_down)
		return offset > seg->limit && last <= (seg->attr & SEG_ATTR_DB ? ~0U : 0xffffU);
	return last <= seg->limit;
}

bool guest_is_misaligned(struct vcpu *v, u64 gva, u32 size)
{
	return (gva & (size - 1)) && (v->rflags & RFLAGS_AC) && (v->ops->get_cr(v, 0) & CR0_AM) &&
	       v->ops->cpl(v) == 3;
}

u8 guest_find_operand(struct vcpu *v, const struct insn_mem *mem, u8 len, u32 size, bool write,
		      u64 *gva)
{
	const u64 no_base[INSN_NR_SEGS] = {0};
	struct segment seg;
	bool fits;

	*gva = guest_operand(v, mem, len);
	if (mem->mode64) {
		fits = guest_is_address(v, *gva) && guest_is_address(v, *gva + size - 1);
	} else {
		v->ops->get_seg(v, (enum seg)mem->seg, &seg);
		fits = has_right(&seg, write) &&
		       within_limit(&seg, insn_mem_gva(mem, v->gpr, no_base, v->rip + len), size);
	}
	if (fits)
		return guest_is_misaligned(v, *gva, size) ? VEC_AC : 0;
	return mem->seg == SEG_SS ? VEC_SS : VEC_GP;
}
