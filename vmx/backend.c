/* SPDX-License-Identifier: MIT */
/* The Intel backend, as guest/ sees it. */
#include "vmx/vmx.h"

const struct backend vmx_backend = {
	.name = "VMX",
	.can_filter_pf = true,
	.probe = vmx_probe,
	.enable = vmx_enable,
	.block_init = vmx_block_init,
	.vcpu_init = vmx_vcpu_init,
	.run = vmx_run,
	.inject = vmx_inject,
	.inject_pending = vmx_inject_pending,
	.set_cr2 = vmx_set_cr2,
	.set_cr = vmx_set_cr,
	.get_cr = vmx_get_cr,
	.set_root = vmx_set_root,
	.set_efer = vmx_set_efer,
	.get_seg = vmx_get_seg,
	.set_seg = vmx_set_seg,
	.set_dtables = vmx_set_dtables,
	.get_dtables = vmx_get_dtables,
	.insn_done = vmx_insn_done,
	.set_pf_filter = vmx_set_pf_filter,
	.set_invlpg_exiting = vmx_set_invlpg_exiting,
	.intercept_port = vmx_intercept_port,
	.intercept_msr = vmx_intercept_msr,
	.flush_all = vmx_flush_all,
	.flush_gva = vmx_flush_gva,
	.hide_cpuid = vmx_hide_cpuid,
	.exit_name = vmx_exit_name,
	.dump = vmx_dump,
};
