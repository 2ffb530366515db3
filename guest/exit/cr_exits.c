/* SPDX-License-Identifier: MIT */
/* Instructions that read and write control registers, carried out: SDM vol. 2. */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/safe.h"
#include "guest/exit/handlers.h"
#include "guest/vcpu/inject.h"
#include "guest/vcpu/instruction.h"
#include "guest/vcpu/memory.h"

/* Outside of 64-bit code the operand has 32 bits. */
static u64 operand(struct vcpu *v, u64 value)
{
	return value >> 32 && !guest_code_is_64bit(v) ? (u32)value : value;
}

static void finish(struct vcpu *v, const struct vmexit *exit, bool ok)
{
	if (ok)
		insn_skip(v, exit);
	else
		inject_gp(v);
}

void handle_cr_write(struct vcpu *v, const struct vmexit *exit)
{
	u64 value = operand(v, exit->cr.value);

	if (exit->cr.nr == 0)
		finish(v, exit, guest_write_cr0(v, value));
	else
		finish(v, exit, exit->cr.nr == 4 && guest_write_cr4(v, value));
}

void handle_cr3_write(struct vcpu *v, const struct vmexit *exit)
{
	finish(v, exit, guest_write_cr3(v, operand(v, exit->cr.value)));
}

void handle_cr_read(struct vcpu *v, const struct vmexit *exit)
{
	u64 value = v->mmu.regs.cr3;

	if (exit->cr.nr != 3)
		value = v->ops->get_cr(v, exit->cr.nr);
	v->gpr[exit->cr.gpr] = operand(v, value);
	insn_skip(v, exit);
}

void handle_clts(struct vcpu *v, const struct vmexit *exit)
{
	guest_write_cr0(v, v->ops->get_cr(v, 0) & ~CR0_TS);
	insn_skip(v, exit);
}

/* LMSW loads CR0's low four bits, and cannot clear PE: SDM vol. 2A. */
void handle_lmsw(struct vcpu *v, const struct vmexit *exit)
{
	u64 cr0 = v->ops->get_cr(v, 0), mask = CR0_MP | CR0_EM | CR0_TS;

	guest_write_cr0(v, (cr0 & ~mask) | (exit->cr.value & (mask | CR0_PE)));
	if (exit->cr.gpr == INSN_NO_REG)
		watch_data(v, exit->cr.gva, sizeof(u16), false);
	insn_skip(v, exit);
}

/* False: a page fault is on its way instead, and nothing was written. */
static bool store_word(struct vcpu *v, u64 gva, u16 word)
{
	u64 gpa[sizeof(word)];

	if (!guest_find_bytes(v, gva, sizeof(word), true, gpa))
		return false;
	guest_store_bytes(v, gpa, sizeof(word), word);
	return true;
}

/* SDM vol. 2B: memory takes 16 bits, a register as many as the instruction has. */
void handle_smsw(struct vcpu *v, const struct vmexit *exit)
{
	u64 cr0 = v->ops->get_cr(v, 0), *gpr;
	u16 word = (u16)cr0;

	if (exit->cr.gpr == INSN_NO_REG) {
		if (!store_word(v, exit->cr.gva, word))
			return;
		watch_data(v, exit->cr.gva, sizeof(word), true);
		insn_skip(v, exit);
		return;
	}
	gpr = &v->gpr[exit->cr.gpr];
	if (exit->cr.size == 2)
		*gpr = (*gpr & ~0xffffULL) | word;
	else
		*gpr = exit->cr.size == 4 ? (u32)cr0 : cr0;
	insn_skip(v, exit);
}

/*
 * XCR0 is the guest's own: the hypervisor has no extended state. SDM vol. 2C, XSETBV. But for registers that
 * an exit would have to name, which CPUID hides.
 */
void handle_xsetbv(struct vcpu *v, const struct vmexit *exit)
{
	u32 lo = v->gpr[RAX], hi = v->gpr[RDX];

	/* The hypervisor's own CR4 has it. */
	if (!(v->ops->get_cr(v, 4) & CR4_OSXSAVE)) {
		inject_ud(v);
		return;
	}
	finish(v, exit, !(lo & XCR0_APX) && xsetbv_safe((u32)v->gpr[RCX], (u64)hi << 32 | lo));
}
