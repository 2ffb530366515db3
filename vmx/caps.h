/* SPDX-License-Identifier: MIT */
/* What this CPU's VMX can do, and whether that is enough. */
#ifndef VMX_CAPS_H
#define VMX_CAPS_H

#include "vmx/controls.h"

/* The capability MSRs as read; those that the CPU lacks are 0. */
struct vmx_msrs {
	u64 feature_control;
	u64 basic;
	u64 pin, proc, proc2, exit, entry; /* the true variants where the CPU has them */
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	u64 ept_vpid;
};

/* How to drop translations with INVVPID; a type that the CPU lacks is never used. */
enum vmx_flush {
	VMX_FLUSH_ENTRY,  /* no VPID: each VM entry and exit flushes by itself */
	VMX_FLUSH_SINGLE, /* INVVPID of one context */
	VMX_FLUSH_ALL,    /* INVVPID of all contexts */
};

/* The controls to run with: every bit that the CPU insists on is in, each that it refuses is out. */
struct vmx_caps {
	u32 revision;
	u32 pin, proc, proc2, exit, entry;
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	u64 flush;            /* enum vmx_flush */
	bool invvpid_address; /* INVVPID of one address works */
	bool efer_controls;   /* VM entry and exit load EFER; MSR lists otherwise */
	bool pat_controls; /* VM entry and exit switch the PAT; shared with the guest otherwise */
	u32 mov_dr;        /* PROC_MOV_DR, or 0 on a CPU that has no such exits */
	bool nmi_window;   /* an exit as soon as the guest can take an NMI is to be had */
};

/* What changes in struct vmx_caps while the CPU walks the guest's own tables, behind EPT. */
struct vmx_nested_caps {
	u32 proc, proc2;
	u64 cr0_fixed0;
	bool invept_single; /* INVEPT of one context; of all contexts otherwise */
};

/*
 * True when IA32_FEATURE_CONTROL lets VMXON run, or can still be made to (SDM vol. 3C 24.7).
 *
 * Returns 0, or -1 after a fail() line with the value.
 */
int vmx_check_feature_control(u64 feature_control);

/*
 * Decide from the raw values; touches no hardware, so that a host test can play any CPU.
 *
 * Returns 0 and the controls in *caps; -1 after a fail() line for the first requirement missing.
 */
int vmx_decide(const struct vmx_msrs *msrs, struct vmx_caps *caps);

/*
 * The same for nested paging: SDM vol. 3C 26.6.1, 29.3, vol. 3D A.8, A.10. caps: vmx_decide()'s.
 *
 * Returns 0 and what is different in *nested; -1 after a fail() line for the first thing missing.
 */
int vmx_decide_nested(const struct vmx_msrs *msrs, const struct vmx_caps *caps,
		      struct vmx_nested_caps *nested);

#endif
