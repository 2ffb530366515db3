/* SPDX-License-Identifier: MIT */
/* Page faults that reached the hypervisor. */
#include "arch/cpu.h"
#include "guest/chipset/chipset.h"
#include "guest/exit/handlers.h"
#include "guest/vcpu/hardware.h"
#include "guest/vcpu/inject.h"
#include "guest/vcpu/instruction.h"
#include "guest/vcpu/memory.h"

/*
 * The shadow was mended for an access that the walk in software allows, and the instruction faults all the
 * same: so often that the CPU must go by something that the walk does not see. RFLAGS.AC is for explicit
 * accesses alone (SDM vol. 3A 4.6.1), which the error code does not tell from implicit ones; and an emulator
 * may have its own idea of keys.
 */
#define DIFFERS_MAX 64

/* Run the instruction again, or deliver the event. */
static void again(struct vcpu *v, const struct vmexit *exit)
{
	same_again(v, exit);
	reinject(v, &exit->vectoring);
}

/* The same; or the fault, where that would never end. */
static void retry(struct vcpu *v, const struct vmexit *exit)
{
	if (likely(same_again(v, exit) < DIFFERS_MAX) ||
	    (exit->pf.error & (PFEC_P | PFEC_RSVD)) != PFEC_P) {
		reinject(v, &exit->vectoring);
		return;
	}
	v->retries.nr = 0;
	inject_pf(v, exit->pf.gva, exit->pf.error, &exit->vectoring);
}

/* A write to a table: exactly; or by the instruction itself, and by any that follow. */
static void table_write(struct vcpu *v, const struct vmexit *exit, const struct mmu_fault *fault)
{
	/* When an event was on its way, its stack is the table: the CPU itself is writing. */
	if (exit->vectoring.type == EVENT_NONE) {
		if (likely(emulate_write(v, fault)))
			return;
		count(&v->counters, mmu_insn_unknown);
	}
	mmu_let_unsync(&v->mmu, fault->gpa);
	again(v, exit);
}

/* A write that CR0.WP=0 allows: exactly, or else as shortly as can be. */
static void wp0_write(struct vcpu *v, const struct vmexit *exit, const struct mmu_fault *fault)
{
	if (exit->vectoring.type == EVENT_NONE && emulate_write(v, fault))
		return;
	mmu_lend(&v->mmu, fault);
	v->lent_rip = v->rip;
	retry(v, exit);
}

/*
 * A write to watched registers that the guest's tables allow. What cannot be carried out is no access
 * that any driver makes: a page fault, rather than a way past the filter.
 */
static void watched_fault(struct vcpu *v, const struct vmexit *exit, const struct mmu_fault *fault)
{
	if (exit->vectoring.type == EVENT_NONE && emulate_watched_write(v, fault))
		return;
	watched_unknown(v->machine, fault->gpa, v->rip);
	inject_pf(v, exit->pf.gva, (fault->pfec & PFEC_U) | PFEC_W | PFEC_P, &exit->vectoring);
}

/*
 * The access cannot be the fetch of the instruction at RIP. Asked where the error code does not tell it from a
 * read, and SMAP or keys, which are for data alone, are on.
 */
static bool is_data(struct vcpu *v, const struct vmexit *exit)
{
	const struct paging_regs *r = &v->mmu.regs;
	enum insn_mode mode;
	u64 offset;

	if (likely(!(r->cr4 & (CR4_SMAP | CR4_PKE)) || guest_fetch_shown(r)))
		return false;
	if (exit->vectoring.type != EVENT_NONE)
		return true;
	offset = exit->pf.gva - code_address(v, &mode);
	return (mode == INSN_64 ? offset : (u32)offset) >= INSN_MAX_LEN;
}

/* What the shadow MMU makes of a fault, and what follows from it. */
static void handle_mmu_fault(struct vcpu *v, const struct vmexit *exit)
{
	struct mmu_fault fault = {.gva = exit->pf.gva, .pfec = exit->pf.error};

	access_context(v, &fault);
	fault.data = is_data(v, exit);
	switch (mmu_fault(&v->mmu, &fault)) {
	case MMU_RETRY:
		retry(v, exit);
		break;
	case MMU_GUEST_FAULT:
		inject_pf(v, fault.gva, fault.guest_pfec, &exit->vectoring);
		break;
	case MMU_TABLE_WRITE:
		table_write(v, exit, &fault);
		break;
	case MMU_WP0_WRITE:
		wp0_write(v, exit, &fault);
		break;
	case MMU_WATCHED_WRITE:
		watched_fault(v, exit, &fault);
		break;
	}
}

void handle_page_fault(struct vcpu *v, const struct vmexit *exit)
{
	set_saved_rf(v, exit);
	/* P alone will not do: one emulator leaves it clear in reserved-bit faults. */
	if (v->filter_present && !(exit->pf.error & (PFEC_P | PFEC_RSVD))) {
		inject_pf(v, exit->pf.gva, mmu_own_fault(&v->mmu, exit->pf.error),
			  &exit->vectoring);
		return;
	}
	handle_mmu_fault(v, exit);
}

void handle_invlpg(struct vcpu *v, const struct vmexit *exit)
{
	mmu_invlpg(&v->mmu, exit->gva);
	insn_skip(v, exit);
}
