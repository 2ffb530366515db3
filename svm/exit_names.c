/* SPDX-License-Identifier: MIT */
/* Names of the exit codes: APM vol. 2 appendix C. */
#include "svm/exit_names.h"

const char *svm_exit_name(u64 code)
{
	switch ((u32)code) {
	case SVM_EXIT_CR_READ ... SVM_EXIT_CR_READ + 15:
		return "CR_READ";
	case SVM_EXIT_CR_WRITE ... SVM_EXIT_CR_WRITE + 15:
		return "CR_WRITE";
	case SVM_EXIT_EXCEPTION ... SVM_EXIT_EXCEPTION + 31:
		return "exception";
#define X(name, number) \
	case number:    \
		return #name;
#include "svm/exits.def"
#undef X
	default:
		return "unknown";
	}
}
