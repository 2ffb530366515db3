/* SPDX-License-Identifier: MIT */
/*
 * The guest on nested paging: its CPU walks its own tables, and it changes its paging registers without an
 * exit. What is walked in software, to read an instruction, goes by registers taken over just before.
 */
#include "guest/hypercall.h"
#include "guest/machine/machine.h"
#include "guest/vcpu/hardware.h"
#include "guest/vcpu/memory.h"

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

/* The fault tells no linear address. */
static bool find_written(struct vcpu *v, const struct mmu_fault *fault, u64 gva, u64 *gpa)
{
	struct mmu_fault access = {.gva = gva, .pfec = (fault->pfec & PFEC_U) | PFEC_W};

	access_context(v, &access);
	return translate(v, &access, gpa) == 0 && ((*gpa ^ fault->gpa) & ~(PAGE_SIZE - 1)) == 0;
}

static u32 audit(struct vcpu *v)
{
	count(&v->counters, mmu_audit);
	return nested_audit(v->machine->nested);
}

const struct paging_ops nested_paging = {
	.name = "nested paging",
	.info = NOTRAP_INFO_NESTED,
	.phys_bits = NESTED_BITS,
	.cpu_walks_guest = true,
	.memory_size = nested_memory_size,
	.hw_regs = hw_regs,
	.load_regs = load_regs,
	.follow_regs = follow_regs,
	.reload_pdptes = reload_pdptes,
	.translate = translate,
	.write = write,
	.find_written = find_written,
	.audit = audit,
};
