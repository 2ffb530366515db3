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

/* INVVPID's operand: SDM vol. 3C 31.3. */
struct invvpid_desc {
	u64 vpid, gva;
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
	struct invvpid_desc
		vpid; /* what its translations are dropped by; gva: where one alone is */
	u64 eptp;     /* 0: the CPU walks shadow tables alone */
	/* Bits that the guest reads and writes without an exit, and bits of CR0 that must be 1. */
	u64 cr0_owned, cr4_owned, cr0_fixed0;

	/* What the VMCS holds, so that only changes are written. */
	u64 rip, rsp, rflags;
	u32 proc, proc2, entry;
	bool ud_exits; /* #UD exits: the guest's CPU has INVPCID, which is not enabled */
	u32 next;      /* enum vmx_next: how the guest is entered, while vmx_loop() goes on */

	bool nmi_waiting;   /* an NMI of the guest's waits to be injected */
	bool nmi_window;    /* an exit is asked for when it can be */
	bool nmi_unblocked; /* the last exit was a fault of an IRET that ended NMI blocking */
};

static inline struct vmx_vcpu *to_vmx(const struct vcpu *v)
{
	return v->hw;
}

/* What guest/ sees, and its functions. */
extern const struct backend vmx_backend;
#define X(f) __typeof__(*vmx_backend.f) vmx_##f;
BACKEND_FUNCTIONS(X)
#undef X

/* What the files offer each other, by the file that has it. */

/* The state of CPU number `cpu`; it exists whether or not that CPU runs a guest yet. */
struct vmx_vcpu *vmx_vcpu_of(u32 cpu);

/* nested.c */
void vmx_get_pdptes(struct vcpu *v, u64 pdpte[4]);
void vmx_set_pdptes(struct vcpu *v, const u64 pdpte[4]);

/* For entry.asm. How the guest is entered next is in this_cpu()->next, enum vmx_next. */
void vmx_ready(struct vcpu *v); /* before the first entry */
/* After each exit: see to it, and be ready again. The second is for most of reason EXIT_CR. */
void vmx_exited(struct vcpu *v, u32 reason);
void vmx_cr_exited(struct vcpu *v, u32 qualification);
void vmx_nmi_came(struct vcpu *v); /* before an entry that an NMI has stopped */

/* run.c: the rest of vmx_exited(), for an exit that has no lane. */
void vmx_general_exit(struct vcpu *v, u64 reason);

/* tlb.c */
NORETURN void vmx_invvpid_failed(u64 type, u64 vpid, u64 gva);

/* INVVPID: SDM vol. 3C 31.3. */
#define INVVPID_ADDRESS 0 /* the other types are enum vmx_flush's */

static inline void vmx_invvpid(u64 type, const struct invvpid_desc *desc)
{
	bool failed;

	__asm__ volatile("invvpid %1, %2" : "=@ccbe"(failed) : "m"(*desc), "r"(type) : "memory");
	if (unlikely(failed))
		vmx_invvpid_failed(type, desc->vpid, desc->gva);
}

/* Drop the guest's translations, where shadow tables alone are walked. */
static inline void vmx_flush_vpid(const struct vmx_vcpu *vmx)
{
	if (likely(vmx->caps.flush))
		vmx_invvpid(vmx->caps.flush, &vmx->vpid);
}

/* Likewise one address of them. False, with nothing done: this CPU cannot drop one alone. */
static inline bool vmx_flush_vpid_gva(struct vmx_vcpu *vmx, u64 gva)
{
	if (unlikely(!vmx->caps.invvpid_address))
		return !vmx->caps.flush;
	vmx->vpid.gva = gva;
	vmx_invvpid(INVVPID_ADDRESS, &vmx->vpid);
	return true;
}

/* Turn VM-exit or IDT-vectoring information into an event; EVENT_NONE when it is not valid. */
void vmx_read_event(struct event *event, u32 info, enum vmcs_field error_code);

/* Before an entry: see to an NMI that came while the hypervisor ran, and to blocking that an IRET undid. */
void vmx_prepare_nmi(struct vcpu *v);

/* state.c: the bits of CR0 and CR4 that the guest reads and writes without an exit. */
void vmx_set_owned(struct vmx_vcpu *vmx, u64 cr0, u64 cr4);

/* inject.c: the guest is about to use a debug register: MOV DR runs free from now on. SDM vol. 3C 26.1.3. */
void vmx_mov_dr(struct vmx_vcpu *vmx);

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
 * Enter the guest with VMLAUNCH or VMRESUME, and at each exit call vmx_exited(), until after one of them next is
 * VMX_NEXT_LEAVE. v->gpr is loaded and stored, but for RSP, which is in the VMCS.
 */
void vmx_loop(struct vcpu *v);

/* For struct cpu: no NMI gets lost between the look at nmi_pending and the entry. */
extern const u8 vmx_nmi_from[], vmx_nmi_to[], vmx_nmi_retry[];
extern const u8 vmx_short_from[], vmx_short_to[], vmx_short_retry[];

/* Where the CPU goes on at a VM exit, one of three; never called. With GUARD_CLEAR, with GUARD_IBPB. */
void vmx_exit_plain(void);
void vmx_exit_clear(void);
void vmx_exit_barrier(void);

#endif
