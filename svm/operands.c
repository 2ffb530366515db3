/* SPDX-License-Identifier: MIT */
/*
 * What the instruction that exited works on: told by the CPU where it does that (decode assists, APM
 * vol. 2 15.33), else read from the guest's code.
 */
#include "arch/cpu.h"
#include "guest/insn/insn.h"
#include "guest/vcpu/instruction.h"
#include "guest/vcpu/memory.h"
#include "svm/svm.h"

static void mov_cr(struct vcpu *v, struct vmexit *exit, u8 nr, u8 gpr, bool write)
{
	exit->kind = !write ? VMEXIT_CR_READ : nr == 3 ? VMEXIT_CR3_WRITE : VMEXIT_CR_WRITE;
	exit->cr.nr = nr;
	exit->cr.gpr = gpr;
	if (write)
		exit->cr.value = v->gpr[gpr];
}

/* LMSW and SMSW have 16 bits in memory, or a register. */
static void machine_status_word(struct vcpu *v, struct vmexit *exit, const struct insn_system *in)
{
	struct mmu_fault fault;
	u16 word = 0;

	exit->kind = in->kind == INSN_SYS_LMSW ? VMEXIT_LMSW : VMEXIT_SMSW;
	exit->cr.gpr = in->reg;
	exit->cr.size = in->opsize;
	if (in->reg == INSN_NO_REG) {
		u8 vector = guest_find_operand(v, &in->mem, in->len, sizeof(word),
					       in->kind == INSN_SYS_SMSW, &exit->cr.gva);

		if (vector) {
			exit->kind = VMEXIT_EXCEPTION;
			exit->event = (struct event){
				.type = EVENT_EXCEPTION, .vector = vector, .has_error = true};
			return;
		}
	}
	if (in->kind != INSN_SYS_LMSW)
		return;
	if (in->reg != INSN_NO_REG) {
		word = (u16)v->gpr[in->reg];
	} else if (guest_read(v, exit->cr.gva, &word, sizeof(word), &fault)) {
		/* The operand's own fault: it is as if the instruction had raised it before it exited. */
		exit->kind = VMEXIT_PF;
		exit->pf.gva = fault.gva;
		exit->pf.error = fault.guest_pfec;
		return;
	}
	exit->cr.value = word;
}

void svm_exit_cr(struct vcpu *v, struct vmexit *exit, u8 nr)
{
	const struct svm_vcpu *svm = to_svm(v);
	u64 info = svm->vmcb.exit_info_1;
	bool write = exit->reason >= SVM_EXIT_CR_WRITE;
	struct insn_system in;

	if (svm->caps.cr_operand && exit->insn_len && (info & EXIT_CR_IS_MOV)) {
		mov_cr(v, exit, nr, info & 15, write);
		return;
	}
	if (!guest_decode_system(v, &in)) {
		exit->kind = VMEXIT_UNREAD;
		return;
	}
	exit->insn_len = in.len;
	switch (in.kind) {
	case INSN_SYS_MOV_TO_CR:
	case INSN_SYS_MOV_FROM_CR:
		mov_cr(v, exit, in.nr, in.reg, in.kind == INSN_SYS_MOV_TO_CR);
		break;
	case INSN_SYS_CLTS:
		exit->kind = VMEXIT_CLTS;
		break;
	case INSN_SYS_LMSW:
	case INSN_SYS_SMSW:
		machine_status_word(v, exit, &in);
		break;
	default:
		exit->kind = VMEXIT_UNREAD;
	}
}

void svm_exit_invlpg(struct vcpu *v, struct vmexit *exit)
{
	const struct svm_vcpu *svm = to_svm(v);
	struct insn_system in;

	if (svm->caps.invlpg_gva && exit->insn_len) {
		exit->gva = svm->vmcb.exit_info_1;
	} else if (guest_decode_system(v, &in) && in.kind == INSN_SYS_INVLPG) {
		exit->insn_len = in.len;
		exit->gva = guest_operand(v, &in.mem, in.len);
	} else {
		exit->kind = VMEXIT_UNREAD;
	}
}

void svm_exit_invpcid(struct vcpu *v, struct vmexit *exit)
{
	struct insn_system in;
	u64 type;

	if (!guest_decode_system(v, &in) || in.kind != INSN_SYS_INVPCID) {
		exit->kind = VMEXIT_UNREAD;
		return;
	}
	exit->insn_len = in.len;
	type = v->gpr[in.reg];
	exit->invpcid.type = guest_code_is_64bit(v) ? type : (u32)type;
	exit->invpcid.fault = guest_find_operand(v, &in.mem, in.len, INVPCID_SIZE, false,
						 &exit->invpcid.desc_gva);
}

/* APM vol. 2 15.10.2: every CPU tells all of it, the next instruction's address included. */
void svm_exit_io(struct vcpu *v, struct vmexit *exit)
{
	const struct vmcb *vmcb = &to_svm(v)->vmcb;
	u64 info = vmcb->exit_info_1;

	exit->kind = VMEXIT_IO;
	exit->insn_len = (u32)(vmcb->exit_info_2 - vmcb->rip);
	exit->io.port = (u16)(info >> EXIT_IO_PORT_SHIFT);
	exit->io.size = info >> EXIT_IO_SIZE_SHIFT & 7;
	exit->io.in = info & EXIT_IO_IN;
	exit->io.string = info & EXIT_IO_STRING;
}
