/* SPDX-License-Identifier: MIT */
/* Page faults that reached the hypervisor, and the instructions that write guest tables. */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/string.h"
#include "guest/exits.h"
#include "guest/insn.h"
#include "mm/phys.h"

/* What the walk needs to know of the guest beside the error code. */
static void access_context(struct vcpu *v, struct mmu_fault *fault)
{
	struct segment ss;

	fault->ac = false;
	fault->pkru = 0;
	if ((v->mmu.regs.cr4 & CR4_SMAP) && (v->rflags & RFLAGS_AC)) {
		v->ops->get_seg(v, SEG_SS, &ss);
		fault->ac = SEG_ATTR_DPL(ss.attr) != 3;
	}
	if (v->mmu.regs.cr4 & CR4_PKE)
		fault->pkru = rdpkru();
}

void handle_page_fault(struct vcpu *v, const struct vmexit *exit)
{
	struct mmu_fault fault = {.gva = exit->pf.gva, .pfec = exit->pf.error};

	access_context(v, &fault);
	switch (mmu_fault(&v->mmu, &fault)) {
	case MMU_RETRY:
		reinject(v, &exit->vectoring);
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
			reinject(v, &exit->vectoring);
		}
		break;
	}
}

void handle_invlpg(struct vcpu *v, const struct vmexit *exit)
{
	mmu_invlpg(&v->mmu, exit->gva);
	insn_skip(v, exit);
}

/* Where a linear address is in the guest's RAM, for an access of the emulated instruction. */
static bool translate(struct vcpu *v, u64 gva, u32 size, u32 pfec, u64 *gpa)
{
	struct mmu_fault access = {.gva = gva, .pfec = pfec};

	if ((gva & (PAGE_SIZE - 1)) + size > PAGE_SIZE)
		return false;
	access_context(v, &access);
	return mmu_translate(&v->mmu, &access, gpa) == 0 && mmu_is_guest_ram(v->mmu.mmu, *gpa);
}

/* Up to 15 bytes of code at RIP; how many could be read. */
static u32 fetch(struct vcpu *v, u64 gva, u32 pfec, u8 bytes[INSN_MAX_LEN])
{
	u32 first = PAGE_SIZE - (gva & (PAGE_SIZE - 1));
	u64 gpa;

	if (first > INSN_MAX_LEN)
		first = INSN_MAX_LEN;
	if (!translate(v, gva, first, pfec | PFEC_I, &gpa))
		return 0;
	memcpy(bytes, phys_ptr(gpa), first);
	if (first == INSN_MAX_LEN || !translate(v, gva + first, 1, pfec | PFEC_I, &gpa))
		return first;
	memcpy(bytes + first, phys_ptr(gpa), INSN_MAX_LEN - first);
	return INSN_MAX_LEN;
}

/* Decode the instruction at RIP. False when it is none that is known, or cannot be read. */
static bool decode(struct vcpu *v, u32 pfec, struct insn *insn, bool *flat)
{
	u8 bytes[INSN_MAX_LEN];
	enum insn_mode mode;
	struct segment cs;
	u64 rip = v->rip;
	u32 avail;

	v->ops->get_seg(v, SEG_CS, &cs);
	*flat = guest_in_long_mode(v) && (cs.attr & SEG_ATTR_L);
	mode = *flat ? INSN_64 : cs.attr & SEG_ATTR_DB ? INSN_32 : INSN_16;
	if (!*flat)
		rip = (u32)(cs.base + rip);
	avail = fetch(v, rip, pfec, bytes);
	return avail && insn_decode(bytes, avail, mode, insn) == 0;
}

/* Segment bases that the instruction's operands use; 64-bit code has those of FS and GS alone. */
static void segment_bases(struct vcpu *v, const struct insn *insn, bool flat,
			  u64 base[INSN_NR_SEGS])
{
	struct segment seg;

	for (u32 i = 0; i < INSN_NR_SEGS; i++) {
		base[i] = 0;
		if ((flat && i != SEG_FS && i != SEG_GS) ||
		    (i != insn->mem.seg && !(insn->op == INSN_MOVS && i == insn->src.seg)))
			continue;
		v->ops->get_seg(v, (enum seg)i, &seg);
		base[i] = seg.base;
	}
}

/* Store what the instruction computed; false when another CPU was quicker and it starts anew. */
static bool store(struct vcpu *v, const struct insn *insn, u64 gpa, const u64 old[2],
		  const struct insn_effect *effect)
{
	if (!effect->write)
		return true;
	if (insn_is_atomic(insn) && (insn->opsize == 4 || insn->opsize == 8) &&
	    !(gpa & (insn->opsize - 1u)))
		return mmu_cmpxchg(&v->mmu, gpa, old[0], effect->value[0], insn->opsize);
	mmu_write(&v->mmu, gpa, effect->value, insn->opsize);
	return true;
}

/* False: not an instruction to be carried out here. */
static bool emulate(struct vcpu *v, const struct mmu_fault *fault)
{
	u64 base[INSN_NR_SEGS], old[2] = {0, 0}, src = 0, gpa, gva;
	u32 pfec = fault->pfec & PFEC_U;
	struct insn_effect effect;
	struct insn insn;
	bool flat;

	if (!decode(v, pfec, &insn, &flat))
		return false;
	segment_bases(v, &insn, flat, base);
	gva = insn_gva(&insn, v->gpr, base, v->rip);
	if (!translate(v, gva, insn.opsize, pfec | PFEC_W, &gpa))
		return false;
	if (insn.op == INSN_MOVS) {
		u64 from = insn_mem_gva(&insn.src, v->gpr, base, v->rip + insn.len), from_gpa;

		if (!translate(v, from, insn.opsize, pfec, &from_gpa))
			return false;
		memcpy(&src, phys_ptr(from_gpa), insn.opsize);
	}
	if (insn_reads(&insn) || insn_is_atomic(&insn))
		memcpy(old, phys_ptr(gpa), insn.opsize);
	insn_run(&insn, v->gpr, v->rflags, v->rip, old, src, &effect);
	if (store(v, &insn, gpa, old, &effect)) {
		insn_commit(&effect, v->gpr, &v->rflags, &v->rip);
		v->ops->insn_done(v);
	}
	return true;
}

void emulate_table_write(struct vcpu *v, const struct mmu_fault *fault)
{
	if (emulate(v, fault))
		return;
	count(&v->counters, mmu_insn_unknown);
	mmu_let_unsync(&v->mmu, fault->gpa);
}
