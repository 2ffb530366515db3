/* SPDX-License-Identifier: MIT */
/* The Intel backend's own state, and what its files offer each other. */
#ifndef VMX_VMX_H
#define VMX_VMX_H

#include "guest/machine/backend.h"
#include "vmx/caps.h"
#include "vmx/exit_names.h"
#include "vmx/vmcs.h"

/* One entry of a VM-entry or VM-exit MSR-load list: SDM vol. 3C table 25-15. */
struct vmx_msr_entry {
	u32 msr;
	u32 reserved;
	u64 value;
};

/* The start of a VMXON region and of a VMCS: SDM vol. 3C 25.2. */
struct vmx_region {
	u32 revision;
	u8 rest[PAGE_SIZE - sizeof(u32)];
};

/* All that VMX needs for one CPU and its guest; nothing in it is allocated apart. */
struct vmx_vcpu {
	struct vmx_region vmcs __attribute__((aligned(PAGE_SIZE)));
	u8 msr_bitmap[PAGE_SIZE];
	u8 io_bitmap[2 * PAGE_SIZE]; /* A, then B: a bit for each of 65536 ports */

	/*
	 * IA32_SPEC_CTRL with GUARD_IBRS, then EFER without the load controls: one list for entry, one for
	 * exit, of as many as are in use. An exit stores the guest's value of the first.
	 */
	struct vmx_msr_entry entry_list[2] __attribute__((aligned(16)));
	struct vmx_msr_entry exit_list[2] __attribute__((aligned(16)));
	u32 nr_fixed; /* 1 with GUARD_IBRS: that entry stays, EFER's comes and goes */

	struct vmx_caps caps;
	struct vmx_nested_caps nested; /* valid after vmx_probe_nested() */
	u16 vpid;
	u64 eptp; /* 0: the CPU walks shadow tables alone */
	/* Bits that the guest reads and writes without an exit, and bits of CR0 that must be 1. */
	u64 cr0_owned, cr4_owned, cr0_fixed0;

	/* What the VMCS holds, so that only changes are written. */
	u64 rip, rsp, rflags;
	u32 proc, proc2, entry;
	bool ud_exits; /* #UD exits: the guest's CPU has INVPCID, which is not enabled */
	u32 next;      /* enum vmx_next: how the guest is entered */

	bool event_pending; /* an event waits in the VM-entry fields */
	bool nmi_waiting;   /* an NMI of the guest's waits to be injected */
	bool nmi_window;    /* an exit is asked for when it can be */
	bool nmi_unblocked; /* the last exit was a fault of an IRET that ended NMI blocking */
};

static inline struct vmx_vcpu *to_vmx(const struct vcpu *v)
{
	return v->hw;
}

/* struct backend's functions, by the file that has them. */

/* probe.c */
int vmx_probe(void);
int vmx_probe_nested(void);
void vmx_hide_cpuid(u32 leaf, u32 subleaf, u32 regs[4]);

/* enable.c */
int vmx_enable(void *page);
bool vmx_block_init(u32 way);

/* The state of CPU number `cpu`; it exists whether or not that CPU runs a guest yet. */
struct vmx_vcpu *vmx_vcpu_of(u32 cpu);

/* setup.c */
int vmx_vcpu_init(struct vcpu *v);

/* nested.c */
void vmx_enable_nested(struct vcpu *v, u64 root);
void vmx_get_pdptes(struct vcpu *v, u64 pdpte[4]);
void vmx_set_pdptes(struct vcpu *v, const u64 pdpte[4]);

/* run.c */
void vmx_run(struct vcpu *v);

/* For entry.asm: each returns how the guest is entered next, enum vmx_next. */
u32 vmx_ready(struct vcpu *v);    /* before the first entry */
u32 vmx_exited(struct vcpu *v);   /* after each exit: see to it, and be ready again */
u32 vmx_nmi_came(struct vcpu *v); /* before an entry that an NMI has stopped */

/* inject.c */
void vmx_inject(struct vcpu *v, const struct event *event);
void vmx_set_cr2(struct vcpu *v, u64 gva);
u64 vmx_end_shadow(struct vcpu *v);
void vmx_debug_trap(struct vcpu *v, u64 dr6);
u64 vmx_dr7(struct vcpu *v);
u64 vmx_debugctl(struct vcpu *v);

/* Turn VM-exit or IDT-vectoring information into an event; EVENT_NONE when it is not valid. */
void vmx_read_event(struct event *event, u32 info, enum vmcs_field error_code);

/* Before an entry: see to an NMI that came while the hypervisor ran, and to blocking that an IRET undid. */
void vmx_prepare_nmi(struct vmx_vcpu *vmx);

/* state.c */
void vmx_set_cr(struct vcpu *v, int nr, u64 hw, u64 view);
u64 vmx_get_cr(struct vcpu *v, int nr);
void vmx_set_root(struct vcpu *v, u64 hpa);
void vmx_set_efer(struct vcpu *v, u64 hw);
u8 vmx_cpl(const struct vcpu *v);
bool vmx_shares_pat(const struct vcpu *v);
void vmx_get_seg(struct vcpu *v, enum seg seg, struct segment *out);
u32 vmx_seg_attr(struct vcpu *v, enum seg seg);
void vmx_set_seg(struct vcpu *v, enum seg seg, const struct segment *in);
void vmx_set_dtables(struct vcpu *v, const struct dtable *gdt, const struct dtable *idt);
void vmx_get_dtables(struct vcpu *v, struct dtable *gdt, struct dtable *idt);

/* filter.c */
void vmx_set_pf_filter(struct vcpu *v, enum pf_filter filter);

/* bitmaps.c */
void vmx_set_invlpg_exiting(struct vcpu *v, bool on);
void vmx_intercept_port(struct vcpu *v, u16 port, bool on);
void vmx_intercept_msr(struct vcpu *v, u32 msr, bool read, bool write);

/* tlb.c */
void vmx_flush_all(struct vcpu *v);
void vmx_flush_gva(struct vcpu *v, u64 gva);

/* dump.c */
void vmx_dump(struct vcpu *v);

/* vmcs.c */
NORETURN void vmx_entry_refused(void);

/* entry.asm */

/* 0: VMRESUME, and nothing else. */
enum vmx_next {
	VMX_NEXT_LAUNCH = 1 << 0,    /* VMLAUNCH */
	VMX_NEXT_VERW = 1 << 1,      /* overwrite the CPU's buffers: GUARD_VERW */
	VMX_NEXT_FLUSH_L1D = 1 << 2, /* GUARD_L1D */
};
#define VMX_NEXT_LEAVE 0x80000000U /* no entry: vmx_loop() returns */

/*
 * Enter the guest with VMLAUNCH or VMRESUME, and at each exit call vmx_exited(), until that says
 * VMX_NEXT_LEAVE. v->gpr is loaded and stored, but for RSP, which is in the VMCS.
 */
void vmx_loop(struct vcpu *v);

/* For struct cpu: no NMI gets lost between the look at nmi_pending and the entry. */
extern const u8 vmx_nmi_from[], vmx_nmi_to[], vmx_nmi_retry[];

/* Where the CPU goes on at a VM exit, one of three; never called. With GUARD_CLEAR, with GUARD_IBPB. */
void vmx_exit_plain(void);
void vmx_exit_clear(void);
void vmx_exit_barrier(void);

/* backend.c */
extern const struct backend vmx_backend;

#endif
