/* SPDX-License-Identifier: MIT */
/* What this CPU's SVM can do, and whether that is enough: APM vol. 2 15.4, vol. 3 E.4.9. */
#ifndef SVM_CAPS_H
#define SVM_CAPS_H

#include "arch/types.h"

/* As read; what the CPU lacks is 0. */
struct svm_raw {
	u32 ext_ecx;          /* CPUID 80000001h */
	u32 svm_ebx, svm_edx; /* CPUID 8000000Ah */
	u64 vm_cr, syscfg;
};

struct svm_caps {
	u32 asids; /* how many there are, the host's 0 included */
	bool nested_paging, flush_by_asid, clean_bits;
	/* Of these CPUID tells nothing that is to be relied on: svm/prove.c. */
	bool next_rip;   /* the VMCB has the address of the next instruction */
	bool cr_operand; /* EXITINFO1 tells the register of a MOV to or from a control register */
	bool invlpg_gva; /* EXITINFO1 is the operand of INVLPG */
	/* What emulators get wrong: svm/quirks.c. */
	bool cr2_stays;      /* VMRUN does not load CR2 */
	bool events_stale;   /* EXITINTINFO is wrong for interrupts */
	bool cr_read_by_cr0; /* a read of any control register exits if one of CR0 does, only then */
};

/*
 * Whether VM_CR lets EFER.SVME be set, or can still be made to (APM vol. 2 15.30.1).
 *
 * Returns 0, or -1 after a fail() line with the value.
 */
int svm_check_vm_cr(u64 vm_cr, u32 svm_edx);

/*
 * Decide from the raw values; touches no hardware, so that a host test can play any CPU.
 *
 * Returns 0 and what CPUID says in *caps; -1 after a fail() line for the first requirement missing.
 */
int svm_decide(const struct svm_raw *raw, struct svm_caps *caps);

#endif
