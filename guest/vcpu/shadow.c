/* SPDX-License-Identifier: MIT */
/*
 * The guest on shadow tables: what the hardware runs with.
 *
 * It always has paging and CR0.WP on, and with VMX CR0.NE (vmx_set_cr()); a guest without LMA runs on PAE
 * tables whatever its own format is. PCIDs exist in the guest's view alone, which is what the MMU sees.
 */
#include "arch/cpu.h"
#include "guest/machine/hidden.h"
#include "guest/machine/machine.h"
#include "guest/vcpu/hardware.h"

static u64 hw_cr4(const struct paging_regs *r)
{
	u64 cr4 = r->cr4 & ~CR4_PCIDE;

	/* The hypervisor's own tables for a guest without LMA: three levels. */
	if (!(r->efer & EFER_LMA))
		cr4 = (cr4 & ~CR4_LA57) | CR4_PAE;
	/* Without paging there is no page that is a user's. */
	if (!(r->cr0 & CR0_PG))
		cr4 &= ~(CR4_SMEP | CR4_SMAP | CR4_PKE);
	return cr4;
}

/*
 * LME takes effect with paging on only, but the hardware's paging is always on. NXE without PAE has
 * none, but the hardware's PAE is always on: faults would tell of fetches (SDM vol. 3A 4.7). With
 * WP=0 and SMEP, shadows of user pages that a supervisor writes are no-execute, whatever the guest's
 * NXE is; SMEP alone makes faults tell of fetches.
 */
static u64 hw_efer(const struct vcpu *v, const struct paging_regs *r)
{
	u64 efer = r->efer & EFER_LMA ? r->efer : r->efer & ~EFER_LME;

	if (!(r->cr0 & CR0_WP) && (r->cr4 & CR4_SMEP))
		return efer | (v->machine->efer_allowed & EFER_NXE);
	return paging_mode(r) >= PAGING_PAE ? efer : efer & ~EFER_NXE;
}

static u64 memory_size(const struct memmap *map)
{
	return mmu_memory_size(memmap_ram_size(map), memory_end(map));
}

static struct hw_regs hw_regs(const struct vcpu *v, const struct paging_regs *r)
{
	return (struct hw_regs){
		.cr0 = r->cr0 | CR0_PG | CR0_PE | CR0_WP,
		.cr4 = hw_cr4(r),
		.efer = hw_efer(v, r),
	};
}

static void load_regs(struct vcpu *v, const struct paging_regs *regs)
{
	mmu_set_regs(&v->mmu, regs);
}

static bool reload_pdptes(struct vcpu *v, struct paging_regs *r)
{
	return guest_read_pdptes(&v->machine->guest_paging, r->cr3, r->pdpte) == 0;
}

static int translate(struct vcpu *v, struct mmu_fault *fault, u64 *gpa)
{
	return mmu_translate(&v->mmu, fault, gpa);
}

static void write(struct vcpu *v, u64 gpa, const void *data, u32 size)
{
	mmu_write(&v->mmu, gpa, data, size);
}

static bool find_written(struct vcpu *v, const struct mmu_fault *fault, u64 gva, u64 *gpa)
{
	(void)v;
	*gpa = fault->gpa;
	return gva == fault->gva;
}

static u32 audit(struct vcpu *v)
{
	return mmu_audit(&v->mmu);
}

const struct paging_ops shadow_paging = {
	.name = "the shadow MMU",
	.phys_bits = 52,
	.memory_size = memory_size,
	.hw_regs = hw_regs,
	.load_regs = load_regs,
	.reload_pdptes = reload_pdptes,
	.translate = translate,
	.write = write,
	.find_written = find_written,
	.audit = audit,
};
