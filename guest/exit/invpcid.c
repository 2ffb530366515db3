/* SPDX-License-Identifier: MIT */
/*
 * INVPCID and process-context identifiers: SDM vol. 2A INVPCID, vol. 3A 4.10.1.
 *
 * To the hardware the guest is one context, whose translations each MOV to CR3 drops; so there is
 * never anything to drop for another PCID than the current one. The instruction itself is not
 * enabled in hardware, where it would exit only together with INVLPG: it raises #UD, which exits.
 */
#include "arch/cpu.h"
#include "guest/exit/handlers.h"
#include "guest/insn/insn.h"
#include "guest/machine/machine.h"
#include "guest/vcpu/inject.h"
#include "guest/vcpu/instruction.h"
#include "guest/vcpu/memory.h"

enum { TYPE_ADDRESS, TYPE_SINGLE, TYPE_ALL_GLOBAL, TYPE_ALL };

struct descriptor {
	u64 pcid; /* bits 63:12 are reserved */
	u64 gva;
};

static bool is_address(const struct vcpu *v, u64 gva)
{
	return is_canonical(gva, v->mmu.regs.cr4 & CR4_LA57 ? 57 : 48);
}

/* False: #GP. */
static bool invalidate(struct vcpu *v, u64 type, const struct descriptor *d)
{
	const struct paging_regs *r = &v->mmu.regs;
	bool pcide = r->cr4 & CR4_PCIDE;

	if (type > TYPE_ALL || d->pcid & ~CR3_PCID_MASK ||
	    (type <= TYPE_SINGLE && !pcide && d->pcid) ||
	    (type == TYPE_ADDRESS && !is_address(v, d->gva)))
		return false;
	if (type <= TYPE_SINGLE && d->pcid != (pcide ? r->cr3 & CR3_PCID_MASK : 0))
		return true;
	if (type == TYPE_ADDRESS)
		mmu_invlpg(&v->mmu, d->gva);
	else
		mmu_set_cr3(&v->mmu, r->cr3);
	return true;
}

/* Read the descriptor and act on it. False when an exception waits to be delivered instead. */
static bool invpcid(struct vcpu *v, u64 type, u64 gva)
{
	struct mmu_fault fault;
	struct descriptor d;

	if (guest_read(v, gva, &d, sizeof(d), &fault)) {
		inject_pf(v, fault.gva, fault.guest_pfec, &(struct event){.type = EVENT_NONE});
		return false;
	}
	if (!invalidate(v, type, &d)) {
		inject_zero(v, VEC_GP);
		return false;
	}
	watch_data(v, gva, sizeof(d), false);
	return true;
}

void handle_invpcid(struct vcpu *v, const struct vmexit *exit)
{
	if (exit->invpcid.fault)
		inject_zero(v, exit->invpcid.fault);
	else if (invpcid(v, exit->invpcid.type, exit->invpcid.desc_gva))
		insn_skip(v, exit);
}

/* Sixteen bytes at this offset are within the segment: SDM vol. 3A 5.3. */
static bool within_limit(const struct segment *seg, u64 offset)
{
	bool expand_down = (seg->attr & (BIT(3) | BIT(2))) == BIT(2);
	u64 last = offset + sizeof(struct descriptor) - 1;

	if (seg->attr & SEG_ATTR_UNUSABLE)
		return false;
	if (expand_down)
		return offset > seg->limit && last <= (seg->attr & SEG_ATTR_DB ? ~0U : 0xffffU);
	return last <= seg->limit;
}

/* The linear address of the descriptor; false when the operand itself raises #GP or #SS. */
static bool descriptor_at(struct vcpu *v, const struct insn_system *insn, u64 *gva)
{
	const u64 no_base[INSN_NR_SEGS] = {0};
	u64 offset = insn_mem_gva(&insn->mem, v->gpr, no_base, v->rip + insn->len);
	struct segment seg;

	v->ops->get_seg(v, (enum seg)insn->mem.seg, &seg);
	if (!insn->mem.mode64) {
		*gva = (u32)(seg.base + offset);
		return within_limit(&seg, offset);
	}
	if (insn->mem.seg == SEG_FS || insn->mem.seg == SEG_GS)
		offset += seg.base;
	*gva = offset;
	return is_address(v, offset) && is_address(v, offset + sizeof(struct descriptor) - 1);
}

void find_invpcid(struct vcpu *v, struct vmexit *exit)
{
	struct insn_system insn;

	if (!v->machine->invpcid || !guest_decode_system(v, &insn) || insn.kind != INSN_SYS_INVPCID)
		return;
	exit->kind = VMEXIT_INVPCID;
	exit->insn_len = insn.len;
	exit->invpcid.type = insn.opsize == 8 ? v->gpr[insn.reg] : (u32)v->gpr[insn.reg];
	exit->invpcid.fault = 0;
	if (!descriptor_at(v, &insn, &exit->invpcid.desc_gva))
		exit->invpcid.fault = insn.mem.seg == SEG_SS ? VEC_SS : VEC_GP;
}
