/* SPDX-License-Identifier: MIT */
/*
 * INVPCID and process-context identifiers: SDM vol. 2A INVPCID, vol. 3A 4.10.1.
 *
 * To the hardware the guest is one context, whose translations each MOV to CR3 drops; so there is
 * never anything to drop for another PCID than the current one. The instruction itself is not
 * enabled in hardware, where it would exit only together with INVLPG: it raises #UD, which exits.
 */
#include "arch/cpu.h"
#include "arch/string.h"
#include "guest/exit/handlers.h"
#include "guest/exit/lane.h"
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

_Static_assert(sizeof(struct descriptor) == INVPCID_SIZE, "SDM vol. 2A, INVPCID");

/* False: #GP. */
static bool invalidate(struct vcpu *v, u64 type, const struct descriptor *d)
{
	const struct paging_regs *r = &v->mmu.regs;
	bool pcide = r->cr4 & CR4_PCIDE;

	if (type > TYPE_ALL || d->pcid & ~CR3_PCID_MASK ||
	    (type <= TYPE_SINGLE && !pcide && d->pcid) ||
	    (type == TYPE_ADDRESS && !guest_is_address(v, d->gva)))
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

void find_invpcid(struct vcpu *v, struct vmexit *exit)
{
	struct insn_system insn;

	if (!v->machine->invpcid || !guest_decode_system(v, &insn) || insn.kind != INSN_SYS_INVPCID)
		return;
	exit->kind = VMEXIT_INVPCID;
	exit->insn_len = insn.len;
	exit->invpcid.type = insn.opsize == 8 ? v->gpr[insn.reg] : (u32)v->gpr[insn.reg];
	exit->invpcid.fault = guest_find_operand(v, &insn.mem, insn.len, INVPCID_SIZE, false,
						 &exit->invpcid.desc_gva);
}

/* These bytes of 64-bit code, if they are INVPCID by an address of a flat segment. */
static bool decode_straight(struct invpcid_cache *c, const u8 *code)
{
	u8 bytes[INSN_MAX_LEN];
	struct insn_system in;
	u64 low, high;

	/* Another CPU of the guest's may change them meanwhile. */
	memcpy(bytes, code, sizeof(bytes));
	insn_words(bytes, &low, &high);
	if (insn_system(bytes, INSN_MAX_LEN, INSN_64, &in) || in.kind != INSN_SYS_INVPCID ||
	    in.mem.addrsize != 8 || in.mem.seg == SEG_FS || in.mem.seg == SEG_GS)
		return false;
	*c = (struct invpcid_cache){.low = low, .high = high, .insn = in};
	return true;
}

/* The instruction at RIP likewise, or NULL. */
static const struct insn_system *insn_straight(struct vcpu *v)
{
	struct invpcid_cache *c = &v->invpcid_cache;
	u64 code, low, high;

	if ((v->rip & (PAGE_SIZE - 1)) > PAGE_SIZE - INSN_MAX_LEN ||
	    !mmu_peek_code(&v->mmu, v->rip, &code))
		return NULL;
	insn_words(phys_ptr(code), &low, &high);
	if (unlikely(c->low != low || c->high != high || !c->insn.len) &&
	    !decode_straight(c, phys_ptr(code)))
		return NULL;
	return &c->insn;
}

/* Its descriptor: a kernel's, in one page. */
static bool read_straight(struct vcpu *v, u64 gva, struct descriptor *d)
{
	u64 at;

	if (!guest_is_address(v, gva) || (gva & (PAGE_SIZE - 1)) > PAGE_SIZE - sizeof(*d) ||
	    !mmu_peek_data(&v->mmu, gva, &at))
		return false;
	*d = *(const volatile struct descriptor *)phys_ptr(at);
	return true;
}

bool lane_invpcid(struct vcpu *v)
{
	const struct paging_regs *r = &v->mmu.regs;
	const struct insn_system *in;
	struct descriptor d;
	u64 type;

	if (!v->machine->invpcid || !(r->cr4 & CR4_PCIDE))
		return false;
	in = insn_straight(v);
	if (!in)
		return false;
	type = v->gpr[in->reg];
	if (type > TYPE_SINGLE ||
	    !read_straight(v, insn_mem_flat(&in->mem, v->gpr, v->rip + in->len), &d) ||
	    d.pcid & ~CR3_PCID_MASK || d.pcid == (r->cr3 & CR3_PCID_MASK) ||
	    (type == TYPE_ADDRESS && !guest_is_address(v, d.gva)))
		return false;
	count(&v->counters, exits);
	count(&v->counters, exits_invpcid);
	v->rip += in->len;
	return true;
}
