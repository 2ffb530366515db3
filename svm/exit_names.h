/* SPDX-License-Identifier: MIT */
/* #VMEXIT codes: APM vol. 2 appendix C. */
#ifndef SVM_EXIT_NAMES_H
#define SVM_EXIT_NAMES_H

#include "arch/types.h"

enum svm_exit {
	SVM_EXIT_CR_READ = 0x00, /* + register */
	SVM_EXIT_CR_WRITE = 0x10,
	SVM_EXIT_EXCEPTION = 0x40, /* + vector */
	SVM_EXIT_INTR = 0x60,
	SVM_EXIT_NMI = 0x61,
	SVM_EXIT_INIT = 0x63,
	SVM_EXIT_CR0_SEL_WRITE = 0x65,
	SVM_EXIT_CPUID = 0x72,
	SVM_EXIT_INVD = 0x76,
	SVM_EXIT_INVLPG = 0x79,
	SVM_EXIT_INVLPGA = 0x7a,
	SVM_EXIT_IOIO = 0x7b,
	SVM_EXIT_MSR = 0x7c,
	SVM_EXIT_TASK_SWITCH = 0x7d,
	SVM_EXIT_SHUTDOWN = 0x7f,
	SVM_EXIT_VMRUN = 0x80,
	SVM_EXIT_VMMCALL = 0x81,
	SVM_EXIT_VMLOAD = 0x82,
	SVM_EXIT_SKINIT = 0x86,
	SVM_EXIT_INVPCID = 0xa2,
	SVM_EXIT_NPF = 0x400,
	SVM_EXIT_INVALID = 0xffffffff, /* -1 in as many bits as the CPU writes */
};

/* The manual's name of an exit code; "unknown" for one that it does not have. */
const char *svm_exit_name(u64 code);

#endif
