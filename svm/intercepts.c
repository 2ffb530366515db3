/* SPDX-License-Identifier: MIT */
/* What exits: APM vol. 2 15.7 to 15.14. Everything starts as pass-through. */
#include "arch/cpu.h"
#include "svm/svm.h"

void svm_intercept(struct svm_vcpu *svm, enum intercept what, bool on)
{
	u32 *word = &svm->vmcb.intercept[what / 32], bit = BIT(what % 32);
	u32 new = on ? *word | bit : *word & ~bit;

	if (new == *word)
		return;
	*word = new;
	svm_dirty(svm, CLEAN_INTERCEPTS);
}

void svm_intercept_cr_read(struct svm_vcpu *svm, int nr, bool on)
{
	u16 bit = BIT(nr);

	svm->cr_read = on ? svm->cr_read | bit : svm->cr_read & ~bit;
	svm->vmcb.cr_read = svm_quirk_cr_read(svm, svm->cr_read);
	svm_dirty(svm, CLEAN_INTERCEPTS);
}

/*
 * The error code does not count here: every #PF exits, or none. #GP does for what it may be in place of:
 * guest/exit/run.c.
 */
void svm_set_pf_filter(struct vcpu *v, enum pf_filter filter)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->vmcb.exceptions = BIT(VEC_GP) | (filter == PF_FILTER_NONE ? 0 : BIT(VEC_PF));
	svm_dirty(svm, CLEAN_INTERCEPTS);
}

void svm_set_invlpg_exiting(struct vcpu *v, bool on)
{
	svm_intercept(to_svm(v), INTERCEPT_INVLPG, on);
}

/* APM vol. 2 15.10.1. */
void svm_intercept_port(struct vcpu *v, u16 port, bool on)
{
	struct svm_vcpu *svm = to_svm(v);
	u8 *byte = &svm->iopm[port / 8], bit = (u8)BIT(port % 8);

	*byte = on ? *byte | bit : *byte & ~bit;
	svm_dirty(svm, CLEAN_MAPS);
}

/* APM vol. 2 15.11: two bits for each MSR, of three ranges of 8192. */
void svm_intercept_msr(struct vcpu *v, u32 msr, bool read, bool write)
{
	static const u32 first[] = {0, 0xc0000000, 0xc0010000};
	struct svm_vcpu *svm = to_svm(v);

	for (u32 i = 0; i < ARRAY_SIZE(first); i++) {
		u32 index = msr - first[i];

		if (index >= 8192)
			continue;
		svm->msrpm[i * 2048 + index / 4] |= (read | write << 1) << index % 4 * 2;
		svm_dirty(svm, CLEAN_MAPS);
	}
}
