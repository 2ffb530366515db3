/* SPDX-License-Identifier: MIT */
/*
 * What a vendor's backend does for guest/: the whole of it. vmx/ and svm/ fill one table each.
 *
 * Registers of the guest that the backend keeps in hardware are set and read through here; the
 * values of CR0, CR4 and EFER that are *given to the hardware* are computed once, in guest/exit/cr.c,
 * and the backend adds only what its own hardware insists on (fixed bits, VMXE, SVME).
 */
#ifndef GUEST_MACHINE_BACKEND_H
#define GUEST_MACHINE_BACKEND_H

#include "guest/machine/vcpu.h"

/* Which page faults leave the guest. */
enum pf_filter {
	PF_FILTER_ALL,     /* every one */
	PF_FILTER_PRESENT, /* those with P=1 in the error code; the rest goes to the guest's IDT */
	PF_FILTER_USER,    /* all but those with U=1 and RSVD=0; these go to the guest's IDT */
	PF_FILTER_NONE,    /* none: nested paging */
};

/* Ways to hold INIT off: see block_init. */
#define INIT_WAYS 2

/*
 * The guest's next exit: see to it.
 *
 * The backend calls it for each, from the loop of its entry.asm (which says why it is that way round).
 * Returns false when the guest is not to be entered again now: after a self-test's one exit.
 */
bool guest_exited(struct vcpu *v, struct vmexit *exit);

struct backend {
	bool amd;           /* the CPU is as AMD's manual has it: VMMCALL, its paging */
	bool can_filter_pf; /* PF_FILTER_PRESENT and PF_FILTER_USER exist */

	const char *nested_name; /* what mmu= calls this vendor's nested paging */
	enum nested_format nested_format;

	/* Check every required feature of this CPU. 0, or -1 after one fail() line for the first missing. */
	int (*probe)(void);
	/* Enter VMX root operation / set EFER.SVME on this CPU. page: zeroed, this CPU's alone from
	 * now on: its VMXON region / host save area. 0, or -1 after a fail() line. */
	int (*enable)(void *page);
	/* After enable(), on a CPU that will run no guest: INIT does not reset it from here on, as far as
	 * the manual goes. way: 0 is to be tried first. False, with nothing done: not to be had. The last
	 * way always is. */
	bool (*block_init)(u32 way);
	/* INIT is known to reset a CPU here that runs a guest, in place of an exit. NULL: never. */
	bool (*init_resets_guests)(void);
	/* Allocate and set up the control structures; the guest's registers are as after vcpu_reset state
	 * that the caller sets next. 0, or -1 after a fail() line. */
	int (*vcpu_init)(struct vcpu *v);

	/* After probe(): check what nested paging requires. 0, or -1 after one fail() line for what is
	 * missing. */
	int (*probe_nested)(void);
	/*
	 * After vcpu_init(): from the next entry on the CPU translates guest-physical addresses by the
	 * tables at root (mm/nested/nested.h), and walks the guest's own tables itself. No #PF, no access to
	 * CR3, no INVLPG and no INVPCID exits any more; CR0 and CR4 run as the guest wrote them, and are read
	 * without an exit. Writes that change CR0.PE or PG exit, and so do those of CR4 bits that are not the
	 * guest's to choose, or that decide what a walk looks like: PAE, LA57.
	 */
	void (*enable_nested)(struct vcpu *v, u64 root);
	/*
	 * With nested paging, the four PDPTEs of a PAE guest as the CPU has them loaded. Both NULL where it
	 * reads them in the guest's memory at each walk (APM vol. 2 15.25.10).
	 */
	void (*get_pdptes)(struct vcpu *v, u64 pdpte[4]);
	void (*set_pdptes)(struct vcpu *v, const u64 pdpte[4]);

	/* Run the guest, and hand each exit to guest_exited(), until that returns false. */
	void (*run)(struct vcpu *v);
	/* Deliver an event at the next entry; for #PF the caller has set CR2 with set_cr2. NMIs and their
	 * blocking (an IRET that faulted included) are the backend's business alone. */
	void (*inject)(struct vcpu *v, const struct event *event);
	/* Put CR2 where the guest will find it. */
	void (*set_cr2)(struct vcpu *v, u64 gva);

	/* Control registers: hw is what the CPU runs with, view is what the guest reads. nr: 0 or 4. */
	void (*set_cr)(struct vcpu *v, int nr, u64 hw, u64 view);
	/* What the guest would read: the bits it owns from the hardware, the others from the view. With
	 * nested paging nr may be 3 too. */
	u64 (*get_cr)(const struct vcpu *v, int nr);
	/* The physical address of the root the CPU walks, with its low attribute bits. With LMA=0 it is
	 * that of four PAE PDPTEs, which the CPU reads at the next entry. With nested paging it is the
	 * guest's own CR3, and set_pdptes() goes with it. Flushes nothing. */
	void (*set_root)(struct vcpu *v, u64 hpa);
	/* EFER that the CPU runs the guest with; its LMA decides IA-32e mode. With nested paging LME may be
	 * set without LMA, while paging is off. */
	void (*set_efer)(struct vcpu *v, u64 hw);

	/* The privilege level that the guest runs at: 3 in virtual-8086 mode, 0 in real mode. */
	u8 (*cpl)(const struct vcpu *v);
	void (*get_seg)(struct vcpu *v, enum seg seg, struct segment *out);
	/* The attributes alone, which is quicker. */
	u32 (*seg_attr)(struct vcpu *v, enum seg seg);
	void (*set_seg)(struct vcpu *v, enum seg seg, const struct segment *in);
	void (*set_dtables)(struct vcpu *v, const struct dtable *gdt, const struct dtable *idt);
	void (*get_dtables)(struct vcpu *v, struct dtable *gdt, struct dtable *idt);
	/* End STI and MOV SS blocking: an instruction was completed in software. Returns the DR6_B bits of
	 * traps that MOV SS has held off, if debug_trap() does not know of them by itself. */
	u64 (*end_shadow)(struct vcpu *v);
	/* A #DB trap follows the instruction that was just completed, before any NMI. dr6: DR6_B and DR6_BS
	 * bits. It clears DR7.GD. */
	void (*debug_trap)(struct vcpu *v, u64 dr6);
	u64 (*dr7)(struct vcpu *v);
	/* The guest's IA32_DEBUGCTL. */
	u64 (*debugctl)(struct vcpu *v);

	void (*set_pf_filter)(struct vcpu *v, enum pf_filter filter);
	void (*set_invlpg_exiting)(struct vcpu *v, bool on);
	/* Exit when this port is read or written, or no longer. */
	void (*intercept_port)(struct vcpu *v, u16 port, bool on);
	/* Exit when this MSR is read or written (an MSR outside the bitmaps always exits). */
	void (*intercept_msr)(struct vcpu *v, u32 msr, bool read, bool write);

	/* VM entry and exit do not switch IA32_PAT: the hypervisor runs with the guest's. After
	 * enable_nested(), if that is called. */
	bool (*shares_pat)(const struct vcpu *v);

	/* Drop every translation of the guest (all its contexts, global ones too), and what the CPU has
	 * cached of the nested tables. */
	void (*flush_all)(struct vcpu *v);
	/* Drop the translations of one guest virtual address. */
	void (*flush_gva)(struct vcpu *v, u64 gva);

	/* Take away from a CPUID answer (EAX, EBX, ECX, EDX) what this backend cannot let a guest use. */
	void (*hide_cpuid)(u32 leaf, u32 subleaf, u32 regs[4]);
	/* The manual's name of a vmexit's reason. */
	const char *(*exit_name)(u64 reason);
	/* Print the hardware's guest state, line by line, for a crash record. */
	void (*dump)(struct vcpu *v);
};

/*
 * Those that both vendors have: X(name) for each. A vendor's are called vmx_name or svm_name; its header's
 * prototypes and its table are made of this list.
 */
/* clang-format off */
#define BACKEND_FUNCTIONS(X) \
	X(probe) X(enable) X(block_init) X(vcpu_init) X(probe_nested) X(enable_nested) X(run) \
	X(inject) X(set_cr2) X(set_cr) X(get_cr) X(set_root) X(set_efer) X(cpl) X(get_seg) \
	X(seg_attr) X(set_seg) X(set_dtables) X(get_dtables) X(end_shadow) X(debug_trap) \
	X(dr7) X(debugctl) X(set_pf_filter) X(set_invlpg_exiting) X(intercept_port) \
	X(intercept_msr) X(shares_pat) X(flush_all) X(flush_gva) X(hide_cpuid) X(exit_name) \
	X(dump)
/* clang-format on */

#endif
