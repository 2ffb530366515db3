/* SPDX-License-Identifier: MIT */
/* Names of the numbers that VMX reports: SDM vol. 3D appendix C, vol. 3C table 31-1. */
#include "vmx/exit_names.h"

/* What the instructions of this hypervisor can fail with. */
static const char *const insn_errors[] = {
	[2] = "VMCLEAR with an invalid physical address",
	[3] = "VMCLEAR with the VMXON pointer",
	[4] = "VMLAUNCH with a VMCS that is not clear",
	[5] = "VMRESUME with a VMCS that is not launched",
	[7] = "VM entry with invalid control fields",
	[8] = "VM entry with invalid host-state fields",
	[9] = "VMPTRLD with an invalid physical address",
	[10] = "VMPTRLD with the VMXON pointer",
	[11] = "VMPTRLD with an incorrect VMCS revision",
	[12] = "access to a VMCS field that this CPU does not have",
	[13] = "VMWRITE to a read-only VMCS field",
	[15] = "VMXON in VMX root operation",
	[26] = "VM entry with events blocked by MOV SS",
	[28] = "invalid operand to INVEPT or INVVPID",
};

const char *vmx_exit_name(u64 reason)
{
	switch (reason & EXIT_REASON_BASIC) {
#define X(name, number, text) \
	case number:          \
		return text;
#include "vmx/exits.def"
#undef X
	default:
		return "unknown";
	}
}

const char *vmx_insn_error_name(u64 error)
{
	return error < ARRAY_SIZE(insn_errors) && insn_errors[error] ? insn_errors[error]
								     : "unknown";
}
