/* SPDX-License-Identifier: MIT */
/*
 * Nested paging: the CPU walks the guest's tables itself, and then one of the hypervisor's. The guest
 * changes its paging registers without an exit; what is walked here in software, to read an instruction,
 * goes by registers taken over just before.
 */
#include "arch/console.h"
#include "guest/exits.h"
#include "guest/hypercall.h"
#include "guest/paging.h"
#include "guest/prove_exits.h"
#include "guest/selftest_context.h"
#include "guest/watch.h"

/* The nested tables are empty yet, and have none of the context's memory ever: its first fetch exits. */
static int prove_nested(struct vcpu *v)
{
	struct vmexit exit;

	context_init(v, SPTE_FORMAT_64, 4);
	context_run(v, &(struct context_regs){0}, &exit);
	v->ops->set_pf_filter(v, PF_FILTER_NONE);
	if (exit.kind == VMEXIT_NPF)
		return 0;
	return fail(
		"self-test: an address that mmu=%s does not map does not exit (exit %lu, %s): use "
		"mmu=shadow",
		v->ops->nested_name, exit.reason, v->ops->exit_name(exit.reason));
}

int prepare_nested(struct vcpu *v, const struct mmu_config *config)
{
	struct machine *m = v->machine;
	struct nested_config tables = {
		.format = v->ops->nested_format,
		.maxphyaddr = config->guest->features.maxphyaddr,
		.guest_map = config->guest->map,
		.hidden = config->hidden,
		.nr_hidden = config->nr_hidden,
		.watched = config->watched,
		.nr_watched = config->nr_watched,
		.hole_hpa = config->hole_hpa,
		.pool_hpa = config->pool_hpa,
		.pool_size = config->pool_size,
	};

	m->nested = nested_init(&tables);
	if (!m->nested)
		return -1;
	if (prove_exits(v) < 0)
		return -1;
	v->ops->enable_nested(v, nested_root(m->nested));
	if (prove_nested(v) < 0)
		return -1;
	say("nested paging (mmu=%s): the CPU walks the guest's own tables; no page fault exits, and "
	    "bypass_guest_pf, trap and sync have no effect",
	    v->ops->nested_name);
	return 0;
}

static void take_regs(struct vcpu *v, const struct paging_regs *regs)
{
	v->mmu.regs = *regs;
	v->mmu.mode = paging_mode(regs);
}

static void follow_regs(struct vcpu *v)
{
	struct paging_regs r = v->mmu.regs;

	r.cr0 = v->ops->get_cr(v, 0);
	r.cr3 = v->ops->get_cr(v, 3);
	r.cr4 = v->ops->get_cr(v, 4);
	if (paging_mode(&r) == PAGING_PAE) {
		if (v->ops->get_pdptes)
			v->ops->get_pdptes(v, r.pdpte);
		else
			guest_read_pdptes(&v->machine->guest_paging, r.cr3, r.pdpte);
	}
	take_regs(v, &r);
}

static struct hw_regs hw_regs(const struct vcpu *v, const struct paging_regs *r)
{
	(void)v;
	return (struct hw_regs){r->cr0, r->cr4, r->efer};
}

static void load_regs(struct vcpu *v, const struct paging_regs *regs)
{
	v->ops->set_root(v, regs->cr3);
	if (v->ops->set_pdptes)
		v->ops->set_pdptes(v, regs->pdpte);
	take_regs(v, regs);
	/* As the MOV to CR0, CR4 or EFER would have done itself. */
	v->mmu.hw.flush = MMU_FLUSH_ALL;
	v->mmu.hw.due = true;
}

/* Where the CPU has no registers for them, it reads them, and faults by them, at each walk. */
static bool reload_pdptes(struct vcpu *v, struct paging_regs *r)
{
	return !v->ops->set_pdptes ||
	       guest_read_pdptes(&v->machine->guest_paging, r->cr3, r->pdpte) == 0;
}

static int translate(struct vcpu *v, struct mmu_fault *fault, u64 *gpa)
{
	struct walk w = {.by_hardware = false};

	*gpa = (u32)fault->gva;
	if (v->mmu.mode == PAGING_OFF)
		return 0;
	while (!guest_walk(&v->machine->guest_paging, &v->mmu.regs, fault, &w))
		;
	*gpa = w.gpa;
	if (!w.fault)
		return 0;
	/* The hardware has not seen this fault, which drops what is cached for its address. */
	need_flush_gva(&v->mmu, fault->gva);
	fault->guest_pfec = w.pfec;
	return -1;
}

static void write(struct vcpu *v, u64 gpa, const void *data, u32 size)
{
	if (guest_is_ram(&v->machine->guest_paging, gpa))
		guest_store(gpa, data, size);
}

static u32 audit(struct vcpu *v)
{
	count(&v->counters, mmu_audit);
	return nested_audit(v->machine->nested);
}

const struct paging_ops nested_paging = {
	.info = NOTRAP_INFO_NESTED,
	.phys_bits = NESTED_BITS,
	.hw_regs = hw_regs,
	.load_regs = load_regs,
	.follow_regs = follow_regs,
	.reload_pdptes = reload_pdptes,
	.translate = translate,
	.write = write,
	.audit = audit,
};

/* As the page fault handler has it; there is no linear address to fault with. */
static void watched_fault(struct vcpu *v, const struct vmexit *exit)
{
	struct mmu_fault fault = {.gpa = exit->npf.gpa, .pfec = PFEC_W};

	if (v->ops->cpl(v) == 3)
		fault.pfec |= PFEC_U;
	if (exit->vectoring.type == EVENT_NONE && emulate_watched_write(v, &fault))
		return;
	watched_unknown(v->machine, exit->npf.gpa, v->rip);
	if (exit->vectoring.type == EVENT_NONE)
		inject_gp(v);
	else
		inject_pf(v, 0, fault.pfec | PFEC_P, &exit->vectoring);
}

void handle_nested_fault(struct vcpu *v, const struct vmexit *exit)
{
	bool flush = false;

	saves_rf(v, exit);
	if ((exit->npf.error & NPF_WRITE) && is_watched(v->machine, exit->npf.gpa)) {
		watched_fault(v, exit);
		return;
	}
	if (nested_fault(v->machine->nested, &v->counters, exit->npf.gpa, &flush) < 0)
		die("the guest uses physical address %lx at rip %lx: it has no more bits than its CPUID "
		    "says; where those are %u, mmu=shadow maps more",
		    exit->npf.gpa, v->rip, NESTED_BITS);
	if (flush) {
		v->mmu.hw.flush = MMU_FLUSH_ALL;
		v->mmu.hw.due = true;
	}
	same_again(v, exit);
	reinject(v, &exit->vectoring);
}
