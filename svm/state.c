/* SPDX-License-Identifier: MIT */
/* The guest's registers that live in the VMCB: control registers, EFER, segments, tables. */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "svm/svm.h"

/* What CR0_SEL_WRITE lets through: APM vol. 2 15.8.1. */
#define SEL_WRITE_OWNED (CR0_MP | CR0_TS)

static void intercept_cr(struct svm_vcpu *svm, int nr, bool read, bool write)
{
	struct vmcb *vmcb = &svm->vmcb;
	u16 bit = BIT(nr);

	svm_intercept_cr_read(svm, nr, read);
	vmcb->cr_write = (vmcb->cr_write & ~bit) | (write ? bit : 0);
	svm_dirty(svm, CLEAN_INTERCEPTS | CLEAN_CR);
}

/*
 * SVM has no shadow of a control register to read. A guest that would read another value than the
 * hardware runs with exits; one that reads the same does not, and then its writes to CR0 exit only for
 * bits that matter. While the two differ the CPU cannot tell which those are: every write exits.
 */
void svm_set_cr(struct vcpu *v, int nr, u64 hw, u64 view)
{
	struct svm_vcpu *svm = to_svm(v);

	if (nr == 0) {
		svm->vmcb.cr0 = hw;
		svm->cr0_view = view;
		svm->cr0_owned = hw == view ? SEL_WRITE_OWNED : 0;
		intercept_cr(svm, 0, hw != view, hw != view);
		svm_intercept(svm, INTERCEPT_CR0_SEL_WRITE, hw == view);
	} else {
		svm->vmcb.cr4 = hw;
		svm->cr4_view = view;
		intercept_cr(svm, 4, hw != view, true);
	}
}

u64 svm_get_cr(const struct vcpu *v, int nr)
{
	const struct svm_vcpu *svm = to_svm(v);

	/* Reads of CR2 and CR8 exit only where quirks.c asks for those of CR0. */
	if (nr == 2)
		return svm->vmcb.cr2;
	if (nr == 8)
		return read_cr8();
	if (nr == 3)
		return svm->vmcb.cr3;
	if (nr == 4)
		return svm->cr4_view;
	return (svm->vmcb.cr0 & svm->cr0_owned) | (svm->cr0_view & ~svm->cr0_owned);
}

void svm_set_root(struct vcpu *v, u64 hpa)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->cr3 = hpa;
	svm->vmcb.cr3 = hpa;
	svm_dirty(svm, CLEAN_CR);
}

void svm_set_efer(struct vcpu *v, u64 hw)
{
	/* VMRUN insists on SVME; LME = LMA, since paging is always on in hardware. */
	to_svm(v)->vmcb.efer = hw | EFER_SVME;
	svm_dirty(to_svm(v), CLEAN_CR);
}

static struct vmcb_seg *seg_of(struct svm_vcpu *svm, enum seg seg)
{
	struct vmcb *vmcb = &svm->vmcb;
	struct vmcb_seg *const segs[NR_SEGS] = {
		[SEG_ES] = &vmcb->es,     [SEG_CS] = &vmcb->cs, [SEG_SS] = &vmcb->ss,
		[SEG_DS] = &vmcb->ds,     [SEG_FS] = &vmcb->fs, [SEG_GS] = &vmcb->gs,
		[SEG_LDTR] = &vmcb->ldtr, [SEG_TR] = &vmcb->tr,
	};

	return segs[seg];
}

/* The guest has one of its own with nested paging alone: APM vol. 2 15.25.2. */
bool svm_shares_pat(const struct vcpu *v)
{
	return !(to_svm(v)->vmcb.nested_control & SVM_NESTED_PAGING);
}

/* A field of its own; what the CPU saves as SS.DPL may be old: APM vol. 2 15.5.1. */
u8 svm_cpl(const struct vcpu *v)
{
	return to_svm(v)->vmcb.cpl;
}

u32 svm_seg_attr(struct vcpu *v, enum seg seg)
{
	u32 in = seg_of(to_svm(v), seg)->attr, attr = (in & 0xff) | (in & 0xf00) << 4;

	if (!(in & BIT(7)))
		attr |= SEG_ATTR_UNUSABLE;
	if (seg == SEG_SS)
		attr = (attr & ~0x60U) | (u32)svm_cpl(v) << 5;
	return attr;
}

void svm_get_seg(struct vcpu *v, enum seg seg, struct segment *out)
{
	const struct vmcb_seg *in = seg_of(to_svm(v), seg);

	out->sel = in->sel;
	out->limit = in->limit;
	out->base = in->base;
	out->attr = svm_seg_attr(v, seg);
}

void svm_set_seg(struct vcpu *v, enum seg seg, const struct segment *in)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb_seg *out = seg_of(svm, seg);

	out->sel = in->sel;
	out->limit = in->limit;
	out->base = in->base;
	out->attr = in->attr & SEG_ATTR_UNUSABLE ? 0 : (in->attr & 0xff) | (in->attr >> 4 & 0xf00);
	if (seg == SEG_SS)
		svm->vmcb.cpl = SEG_ATTR_DPL(in->attr);
	svm_dirty(svm, CLEAN_SEG);
}

void svm_set_dtables(struct vcpu *v, const struct dtable *gdt, const struct dtable *idt)
{
	struct vmcb *vmcb = &to_svm(v)->vmcb;

	vmcb->gdtr.base = gdt->base;
	vmcb->gdtr.limit = gdt->limit;
	vmcb->idtr.base = idt->base;
	vmcb->idtr.limit = idt->limit;
	svm_dirty(to_svm(v), CLEAN_DT);
}

void svm_get_dtables(struct vcpu *v, struct dtable *gdt, struct dtable *idt)
{
	const struct vmcb *vmcb = &to_svm(v)->vmcb;

	gdt->base = vmcb->gdtr.base;
	gdt->limit = vmcb->gdtr.limit;
	idt->base = vmcb->idtr.base;
	idt->limit = vmcb->idtr.limit;
}
