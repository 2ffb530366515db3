/* SPDX-License-Identifier: MIT */
/* Control registers and EFER: what the guest may write. */
#include "arch/console.h"
#include "arch/cpu.h"
#include "guest/exit/exit.h"
#include "guest/exit/handlers.h"
#include "guest/exit/lane.h"
#include "guest/machine/machine.h"
#include "guest/machine/vcpu.h"
#include "guest/vcpu/crash.h"
#include "guest/vcpu/hardware.h"
#include "guest/vcpu/instruction.h"

/* Bits whose change the shadow MMU has to hear of: SDM vol. 3A 4.10.4.1. */
#define MMU_CR0 (CR0_PG | CR0_WP)
#define MMU_CR4 (CR4_PSE | CR4_PAE | CR4_PGE | CR4_LA57 | CR4_SMEP | CR4_SMAP | CR4_PKE | CR4_PCIDE)
/* All others are reserved, and read as 0. */
#define CR0_DEFINED                                                                                \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | \
	 CR0_PG)
#define TYPE_TSS16_BUSY 3 /* SDM vol. 3A table 3-2 */
/* A change of these reloads the PDPTEs: SDM vol. 3A 4.4.1. */
#define PDPTE_CR0 (CR0_CD | CR0_NW | CR0_PG)
#define PDPTE_CR4 (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)

void load_paging_regs(struct vcpu *v, const struct paging_regs *regs)
{
	struct hw_regs hw = v->machine->paging->hw_regs(v, regs);

	v->ops->set_cr(v, 0, hw.cr0, regs->cr0);
	v->ops->set_cr(v, 4, hw.cr4, regs->cr4);
	v->ops->set_efer(v, hw.efer);
	v->machine->paging->load_regs(v, regs);
}

static bool uses_pdptes(const struct paging_regs *r)
{
	return paging_mode(r) == PAGING_PAE;
}

/* The registers as they are, those the guest changes without an exit included. */
static struct paging_regs current_regs(struct vcpu *v)
{
	struct paging_regs r;

	follow_paging_regs(v);
	r = v->mmu.regs;
	r.cr0 = v->ops->get_cr(v, 0);
	r.cr4 = v->ops->get_cr(v, 4);
	return r;
}

/* SDM vol. 2B, MOV to control registers; vol. 3A 2.5, 4.10.1, 10.8.5. False: #GP. */
bool guest_write_cr0(struct vcpu *v, u64 value)
{
	struct paging_regs r = current_regs(v);
	u64 changed;

	value = (value & (GENMASK(63, 32) | CR0_DEFINED)) | CR0_ET;
	changed = r.cr0 ^ value;
	if (value >> 32 || ((value & CR0_PG) && !(value & CR0_PE)) ||
	    ((value & CR0_NW) && !(value & CR0_CD)))
		return false;
	if ((changed & CR0_PG) && (value & CR0_PG) && (r.efer & EFER_LME)) {
		struct segment cs, tr;

		v->ops->get_seg(v, SEG_CS, &cs);
		v->ops->get_seg(v, SEG_TR, &tr);
		if (!(r.cr4 & CR4_PAE) || (cs.attr & SEG_ATTR_L) ||
		    SEG_ATTR_TYPE(tr.attr) == TYPE_TSS16_BUSY)
			return false;
		r.efer |= EFER_LMA;
	} else if ((changed & CR0_PG) && !(value & CR0_PG)) {
		if (guest_code_is_64bit(v) || (r.cr4 & CR4_PCIDE))
			return false;
		r.efer &= ~EFER_LMA;
	}
	/* All that raises #GP comes first: what is left would have left protected mode. */
	if (!(value & CR0_PE)) {
		fail("the guest leaves protected mode at rip %lx: real mode is not offered; start a "
		     "kernel that stays in protected or long mode",
		     v->rip);
		guest_crashed(v);
	}
	r.cr0 = value;
	if (uses_pdptes(&r) && (changed & PDPTE_CR0) && !v->machine->paging->reload_pdptes(v, &r))
		return false;
	if ((changed & MMU_CR0) || (uses_pdptes(&r) && (changed & PDPTE_CR0))) {
		load_paging_regs(v, &r);
	} else {
		v->mmu.regs.cr0 = r.cr0;
		v->ops->set_cr(v, 0, v->machine->paging->hw_regs(v, &r).cr0, r.cr0);
	}
	return true;
}

bool guest_write_cr4(struct vcpu *v, u64 value)
{
	struct paging_regs r = current_regs(v);
	u64 changed = r.cr4 ^ value;

	if (value & ~v->machine->cr4_allowed)
		return false;
	if ((r.efer & EFER_LMA) && (!(value & CR4_PAE) || (changed & CR4_LA57)))
		return false;
	if ((changed & value & CR4_PCIDE) && (!(r.efer & EFER_LMA) || (r.cr3 & CR3_PCID_MASK)))
		return false;
	r.cr4 = value;
	if (uses_pdptes(&r) && (changed & PDPTE_CR4) && !v->machine->paging->reload_pdptes(v, &r))
		return false;
	if (changed & MMU_CR4) {
		load_paging_regs(v, &r);
	} else {
		v->mmu.regs.cr4 = r.cr4;
		v->ops->set_cr(v, 4, v->machine->paging->hw_regs(v, &r).cr4, r.cr4);
	}
	return true;
}

bool lane_cr3_write_other(struct vcpu *v, u64 value)
{
	if (!mmu_switch_cr3(&v->mmu, value))
		return false;
	if (unlikely(v->mmu.hw.due))
		commit_hardware(v);
	v->mmu.hw.reload_root = false;
	count(&v->counters, exits);
	count(&v->counters, exits_cr3_write);
	count(&v->counters, tlb_flush);
	return true;
}

bool guest_write_cr3(struct vcpu *v, u64 value)
{
	struct paging_regs *r = &v->mmu.regs;

	if (guest_in_long_mode(v)) {
		/* Bit 63 allows the CPU to keep translations, and does not oblige it: all are dropped. */
		if (r->cr4 & CR4_PCIDE)
			value &= ~CR3_NOFLUSH;
		if (value & GENMASK(63, v->machine->maxphyaddr))
			return false;
	} else if (uses_pdptes(r)) {
		u64 pdpte[4];

		if (guest_read_pdptes(&v->machine->guest_paging, value, pdpte) < 0)
			return false;
		for (u32 i = 0; i < 4; i++)
			r->pdpte[i] = pdpte[i];
	}
	mmu_set_cr3(&v->mmu, value);
	return true;
}

bool guest_write_efer(struct vcpu *v, u64 value)
{
	struct paging_regs r = current_regs(v);

	if ((value & ~(v->machine->efer_allowed | EFER_LMA)) ||
	    ((r.cr0 & CR0_PG) && ((value ^ r.efer) & EFER_LME)))
		return false;
	r.efer = (value & ~EFER_LMA) | (r.efer & EFER_LMA);
	if ((r.efer ^ v->mmu.regs.efer) & (EFER_NXE | EFER_LME)) {
		load_paging_regs(v, &r);
	} else {
		v->mmu.regs.efer = r.efer;
		v->ops->set_efer(v, v->machine->paging->hw_regs(v, &r).efer);
	}
	return true;
}
