/* SPDX-License-Identifier: MIT */
/*
 * Dropping the guest's translations: INVVPID and INVEPT, SDM vol. 3C 29.4.3, 31.3.
 *
 * Without VPID each VM entry and exit drops them all, but for what is cached of the EPT.
 */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "vmx/vmx.h"

void vmx_invvpid_failed(u64 type, u64 vpid, u64 gva)
{
	die("INVVPID type %lu failed for VPID %lu, address %lx: %s", type, vpid, gva,
	    vmx_insn_error_name(vmread(VMCS_INSN_ERROR)));
}

enum invept_type { INVEPT_SINGLE = 1, INVEPT_ALL };

static void invept(enum invept_type type, u64 eptp)
{
	struct {
		u64 eptp, reserved;
	} desc = {eptp, 0};
	bool failed;

	__asm__ volatile("invept %1, %2" : "=@ccbe"(failed) : "m"(desc), "r"((u64)type) : "memory");
	if (unlikely(failed))
		die("INVEPT type %u failed for EPTP %lx: %s", type, eptp,
		    vmx_insn_error_name(vmread(VMCS_INSN_ERROR)));
}

void vmx_flush_all(struct vcpu *v)
{
	struct vmx_vcpu *vmx = to_vmx(v);

	if (vmx->eptp)
		invept(vmx->nested.invept_single ? INVEPT_SINGLE : INVEPT_ALL, vmx->eptp);
	vmx_flush_vpid(vmx);
}

void vmx_flush_gva(struct vcpu *v, u64 gva)
{
	if (!vmx_flush_vpid_gva(to_vmx(v), gva))
		vmx_flush_all(v);
}
