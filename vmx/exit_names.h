/* SPDX-License-Identifier: MIT */
/* Names of the numbers that VMX reports: basic exit reasons and VM-instruction errors. */
#ifndef VMX_EXIT_NAMES_H
#define VMX_EXIT_NAMES_H

#include "arch/types.h"

/* Basic exit reasons that this hypervisor tells apart: SDM vol. 3D appendix C. */
enum exit_reason {
	EXIT_EXCEPTION_NMI = 0,
	EXIT_EXTERNAL_INTERRUPT = 1,
	EXIT_TRIPLE_FAULT = 2,
	EXIT_INIT = 3,
	EXIT_SIPI = 4,
	EXIT_INTERRUPT_WINDOW = 7,
	EXIT_NMI_WINDOW = 8,
	EXIT_TASK_SWITCH = 9,
	EXIT_CPUID = 10,
	EXIT_GETSEC = 11,
	EXIT_INVD = 13,
	EXIT_INVLPG = 14,
	EXIT_VMCALL = 18,
	EXIT_VMCLEAR = 19,
	EXIT_VMXON = 27,
	EXIT_CR = 28,
	EXIT_IO = 30,
	EXIT_RDMSR = 31,
	EXIT_WRMSR = 32,
	EXIT_EPT_VIOLATION = 48,
	EXIT_EPT_MISCONFIG = 49,
	EXIT_INVEPT = 50,
	EXIT_INVVPID = 53,
	EXIT_XSETBV = 55,
	EXIT_VMFUNC = 59,
	EXIT_SEAMCALL = 76,
	EXIT_TDCALL = 77,
};

#define EXIT_REASON_BASIC        GENMASK(15, 0)
#define EXIT_REASON_ENTRY_FAILED BIT(31)

/* The name of an exit reason (its low 16 bits count); never NULL. */
const char *vmx_exit_name(u64 reason);

/* What a VM-instruction error number says (SDM vol. 3C 31.4, table 31-1); never NULL. */
const char *vmx_insn_error_name(u64 error);

#endif
