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
