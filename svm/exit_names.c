/* SPDX-License-Identifier: MIT */
/* Names of the exit codes: APM vol. 2 appendix C. */
#include "svm/exit_names.h"

static const char *const names[] = {
	[0x60] = "INTR",
	[0x61] = "NMI",
	[0x62] = "SMI",
	[0x63] = "INIT",
	[0x64] = "VINTR",
	[0x65] = "CR0_SEL_WRITE",
	[0x66] = "IDTR_READ",
	[0x67] = "GDTR_READ",
	[0x68] = "LDTR_READ",
	[0x69] = "TR_READ",
	[0x6a] = "IDTR_WRITE",
	[0x6b] = "GDTR_WRITE",
	[0x6c] = "LDTR_WRITE",
	[0x6d] = "TR_WRITE",
	[0x6e] = "RDTSC",
	[0x6f] = "RDPMC",
	[0x70] = "PUSHF",
	[0x71] = "POPF",
	[0x72] = "CPUID",
	[0x73] = "RSM",
	[0x74] = "IRET",
	[0x75] = "SWINT",
	[0x76] = "INVD",
	[0x77] = "PAUSE",
	[0x78] = "HLT",
	[0x79] = "INVLPG",
	[0x7a] = "INVLPGA",
	[0x7b] = "IOIO",
	[0x7c] = "MSR",
	[0x7d] = "TASK_SWITCH",
	[0x7e] = "FERR_FREEZE",
	[0x7f] = "SHUTDOWN",
	[0x80] = "VMRUN",
	[0x81] = "VMMCALL",
	[0x82] = "VMLOAD",
	[0x83] = "VMSAVE",
	[0x84] = "STGI",
	[0x85] = "CLGI",
	[0x86] = "SKINIT",
	[0x87] = "RDTSCP",
	[0x88] = "ICEBP",
	[0x89] = "WBINVD",
	[0x8a] = "MONITOR",
	[0x8b] = "MWAIT",
	[0x8c] = "MWAIT_CONDITIONAL",
	[0x8d] = "XSETBV",
	[0x8e] = "RDPRU",
	[0x8f] = "EFER_WRITE_TRAP",
	[0xa0] = "INVLPGB",
	[0xa1] = "INVLPGB_ILLEGAL",
	[0xa2] = "INVPCID",
	[0xa3] = "MCOMMIT",
	[0xa4] = "TLBSYNC",
	[0xa5] = "BUSLOCK",
	[0xa6] = "IDLE_HLT",
};

const char *svm_exit_name(u64 code)
{
	if ((u32)code == SVM_EXIT_INVALID)
		return "INVALID";
	if (code == SVM_EXIT_NPF)
		return "NPF";
	if (code < SVM_EXIT_CR_WRITE)
		return "CR_READ";
	if (code < SVM_EXIT_CR_WRITE + 16)
		return "CR_WRITE";
	if (code < SVM_EXIT_EXCEPTION)
		return "DR access";
	if (code < SVM_EXIT_EXCEPTION + 32)
		return "exception";
	return code < ARRAY_SIZE(names) && names[code] ? names[code] : "unknown";
}
