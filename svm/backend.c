/* SPDX-License-Identifier: MIT */
/* The AMD backend, as guest/ sees it. */
#include "svm/svm.h"

const struct backend svm_backend = {
	.name = "SVM",
	.can_filter_pf = false,
	.probe = svm_probe,
	.enable = svm_enable,
	.block_init = svm_block_init,
	.vcpu_init = svm_vcpu_init,
	.run = svm_run,
	.inject = svm_inject,
	.inject_pending = svm_inject_pending,
	.set_cr2 = svm_set_cr2,
	.set_cr = svm_set_cr,
	.get_cr = svm_get_cr,
	.set_root = svm_set_root,
	.set_efer = svm_set_efer,
	.get_seg = svm_get_seg,
	.set_seg = svm_set_seg,
	.set_dtables = svm_set_dtables,
	.get_dtables = svm_get_dtables,
	.insn_done = svm_insn_done,
	.set_pf_filter = svm_set_pf_filter,
	.set_invlpg_exiting = svm_set_invlpg_exiting,
	.intercept_port = svm_intercept_port,
	.intercept_msr = svm_intercept_msr,
	.flush_all = svm_flush_all,
	.flush_gva = svm_flush_gva,
	.hide_cpuid = svm_hide_cpuid,
	.exit_name = svm_exit_name,
	.dump = svm_dump,
};
