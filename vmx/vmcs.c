/* SPDX-License-Identifier: MIT */
/* A VMX instruction that fails is a bug in notrap: say which, and stop. SDM vol. 3C 31.2. */
#include "arch/console.h"
#include "vmx/vmx.h"

/* The last VM-instruction error, read without the check that leads here. */
static u64 insn_error(void)
{
	u64 value = 0;

	__asm__ volatile("vmread %1, %0" : "+r"(value) : "r"((u64)VMCS_INSN_ERROR) : "cc");
	return value;
}

void vmcs_access_failed(const char *insn, enum vmcs_field field, u64 value)
{
	u64 error = insn_error();

	die("%s of VMCS field %x (value %lx) failed: error %lu, %s", insn, field, value, error,
	    vmx_insn_error_name(error));
}

void vmx_entry_refused(void)
{
	u64 error = insn_error();

	die("VM entry refused: error %lu, %s", error, vmx_insn_error_name(error));
}
