/* SPDX-License-Identifier: MIT */
/* Page faults that reached the hypervisor. */
#include "arch/cpu.h"
#include "guest/exits.h"
#include "guest/watch.h"

/* More faults in a row than any instruction can need: it touches a few dozen pages at most. */
#define RETRIES_MAX 32

/* A sum of the registers that tells a loop's passes apart. */
static u64 mix_registers(const struct vcpu *v)
{
	u64 sum = v->rflags;

	for (u32 i = 0; i < NR_GPRS; i++)
		sum = (sum << 7 | sum >> 57) ^ v->gpr[i];
	return sum;
}

/*
 * The shadow was mended for an access that the walk allows, and the instruction faults all the same,
 * for ever: the CPU knows better. RFLAGS.AC is for explicit accesses alone (SDM vol. 3A 4.6.1), which
 * the error code does not tell from implicit ones; and an emulator may have its own idea of keys.
 *
 * After RETRIES_MAX faults in a row of what may still be a loop of one instruction, the registers
 * have to stay the same for as many again.
 */
static bool cpu_insists(struct vcpu *v, u32 pfec)
{
	struct retries *r = &v->retries;
	u64 exits = v->counters.value[CNT_exits], regs;
	bool again = exits == r->last + 1 && v->rip == r->rip;

	r->last = exits;
	if (likely(!again)) {
		r->rip = v->rip;
		r->nr = 0;
		return false;
	}
	if (likely(++r->nr < RETRIES_MAX))
		return false;
	regs = mix_registers(v);
	if (r->nr > RETRIES_MAX && r->regs != regs)
		r->nr = 0;
	r->regs = regs;
	return r->nr >= 2 * RETRIES_MAX && (pfec & (PFEC_P | PFEC_RSVD)) == PFEC_P;
}

/* Run the instruction again, or deliver the event; or the fault, where that would never end. */
static void retry(struct vcpu *v, const struct vmexit *exit)
{
	if (likely(!cpu_insists(v, exit->pf.error))) {
		reinject(v, &exit->vectoring);
		return;
	}
	v->retries.nr = 0;
	inject_pf(v, exit->pf.gva, exit->pf.error, &exit->vectoring);
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

static void sort_out(struct vcpu *v, const struct vmexit *exit)
{
	struct mmu_fault fault = {.gva = exit->pf.gva, .pfec = exit->pf.error};

	access_context(v, &fault);
	switch (mmu_fault(&v->mmu, &fault)) {
	case MMU_RETRY:
		retry(v, exit);
		break;
	case MMU_GUEST_FAULT:
		inject_pf(v, fault.gva, fault.guest_pfec, &exit->vectoring);
		break;
	case MMU_TABLE_WRITE:
		if (exit->vectoring.type == EVENT_NONE) {
			emulate_table_write(v, &fault);
		} else {
			/* A stack that is a page table: the CPU itself is writing. */
			mmu_let_unsync(&v->mmu, fault.gpa);
			retry(v, exit);
		}
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
	saves_rf(v, exit);
	/* P alone will not do: one emulator leaves it clear in reserved-bit faults. */
	if (v->filter_present && !(exit->pf.error & (PFEC_P | PFEC_RSVD))) {
		inject_pf(v, exit->pf.gva, mmu_own_fault(&v->mmu, exit->pf.error),
			  &exit->vectoring);
		return;
	}
	sort_out(v, exit);
	update_hardware(v);
}

void handle_invlpg(struct vcpu *v, const struct vmexit *exit)
{
	mmu_invlpg(&v->mmu, exit->gva);
	insn_skip(v, exit);
}
