/* SPDX-License-Identifier: MIT */
/* Instructions that read and write control registers, carried out: SDM vol. 2. */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/safe.h"
#include "guest/exits.h"
#include "guest/paging.h"

void handle_cr_write(struct vcpu *v, const struct vmexit *exit)
{
	u64 value = exit->cr.value;
	bool ok = false;

	/* Outside of 64-bit code the operand has 32 bits. */
	if (value >> 32 && !guest_code_is_64bit(v))
		value = (u32)value;

	switch (exit->cr.nr) {
	case 0:
		ok = guest_write_cr0(v, value);
		break;
	case 3:
		/* Counted as what it is, the most frequent of them. */
		v->counters.value[CNT_exits_cr_write]--;
		count(&v->counters, exits_cr3_write);
		ok = guest_write_cr3(v, value);
		break;
	case 4:
		ok = guest_write_cr4(v, value);
		break;
	}
	if (ok)
		insn_skip(v, exit);
	else
		inject_gp(v);
}

void handle_cr_read(struct vcpu *v, const struct vmexit *exit)
{
	u64 value = v->mmu.regs.cr3;

	if (exit->cr.nr != 3)
		value = v->ops->get_cr(v, exit->cr.nr);
	v->gpr[exit->cr.gpr] = value >> 32 && !guest_code_is_64bit(v) ? (u32)value : value;
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
	insn_skip(v, exit);
}

/*
 * Two bytes, which may be in two pages; whoever runs is asked for its rights, SMSW being anybody's.
 * False: a page fault is on its way instead, and nothing was written.
 */
static bool store_word(struct vcpu *v, u64 gva, u16 word)
{
	u32 pfec = PFEC_W | (v->ops->cpl(v) == 3 ? PFEC_U : 0);
	u64 gpa[2];

	for (u32 i = 0; i < ARRAY_SIZE(gpa); i++) {
		struct mmu_fault fault = {.gva = gva + i, .pfec = pfec};

		access_context(v, &fault);
		if (v->machine->paging->translate(v, &fault, &gpa[i])) {
			inject_pf(v, fault.gva, fault.guest_pfec,
				  &(struct event){.type = EVENT_NONE});
			return false;
		}
	}
	for (u32 i = 0; i < ARRAY_SIZE(gpa); i++) {
		u8 byte = word >> 8 * i;

		v->machine->paging->write(v, gpa[i], &byte, sizeof(byte));
	}
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

/* XCR0 is the guest's own: the hypervisor has no extended state. SDM vol. 2C, XSETBV. */
void handle_xsetbv(struct vcpu *v, const struct vmexit *exit)
{
	u32 lo = v->gpr[RAX], hi = v->gpr[RDX];

	/* The hypervisor's own CR4 has it. */
	if (!(v->ops->get_cr(v, 4) & CR4_OSXSAVE)) {
		inject_ud(v);
		return;
	}
	if (xsetbv_safe((u32)v->gpr[RCX], (u64)hi << 32 | lo))
		insn_skip(v, exit);
	else
		inject_gp(v);
}
