/* SPDX-License-Identifier: MIT */
/* #VMEXIT codes: APM vol. 2 appendix C. */
#ifndef SVM_EXIT_NAMES_H
#define SVM_EXIT_NAMES_H

#include "arch/types.h"

enum svm_exit {
	SVM_EXIT_CR_READ = 0x00, /* + register */
	SVM_EXIT_CR_WRITE = 0x10,
	SVM_EXIT_EXCEPTION = 0x40, /* + vector */
#define X(name, number) SVM_EXIT_##name = number,
#include "svm/exits.def"
#undef X
};

/* The manual's name of an exit code; "unknown" for one that is not in exits.def. */
const char *svm_exit_name(u64 code);

#endif
