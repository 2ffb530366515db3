/* SPDX-License-Identifier: MIT */
/* The AMD backend's own state, and what its files offer each other. */
#ifndef SVM_SVM_H
#define SVM_SVM_H

#include "guest/backend.h"
#include "svm/caps.h"
#include "svm/exit_names.h"
#include "svm/vmcb.h"

/* All that SVM needs for one CPU and its guest; nothing in it is allocated apart. */
struct svm_vcpu {
	struct vmcb vmcb;
	struct vmcb host; /* only what VMSAVE and VMLOAD know of */
	u8 iopm[3 * PAGE_SIZE];
	u8 msrpm[2 * PAGE_SIZE];

	u64 vmcb_hpa, host_hpa;
	struct svm_caps caps;
	u16 cr_read;        /* control registers whose reads are to exit */
	u32 clean;          /* what the clean field is after a run */
	u32 next;           /* enum svm_next: how the guest is entered */
	bool event_pending; /* EVENTINJ holds one */

	u64 kept_traps; /* while the interrupt shadow is on: what the MOV SS before has met, DR6_B */

	/* Of the last entry, for quirks.c. */
	bool injected;
	u64 entry_rip;

	u64 cr3; /* what the CPU was given; with nested paging the guest changes it */
	/* CR0 and CR4 as the guest reads them; what it owns is the VMCB's. */
	u64 cr0_view, cr4_view, cr0_owned;
};

static inline struct svm_vcpu *to_svm(const struct vcpu *v)
{
	return v->hw;
}

/* Part of the VMCB was written: the CPU has to read it again. */
static inline void svm_dirty(struct svm_vcpu *svm, enum vmcb_clean what)
{
	svm->vmcb.clean &= ~(u32)what;
}

/* struct backend's functions, by the file that has them. */

/* probe.c */
int svm_probe(void);
int svm_probe_nested(void);
void svm_hide_cpuid(u32 leaf, u32 subleaf, u32 regs[4]);

/* enable.c */
int svm_enable(void *page);
bool svm_block_init(u32 way);

/* The state of CPU number `cpu`; it exists whether or not that CPU runs a guest yet. */
struct svm_vcpu *svm_vcpu_of(u32 cpu);

/* setup.c */
int svm_vcpu_init(struct vcpu *v);
void svm_enable_nested(struct vcpu *v, u64 root);

/* prove.c: what the CPU tells at an exit, found out by trying. To be called with a fresh VMCB. */
void svm_prove(struct svm_vcpu *svm);

/* run.c */
void svm_run(struct vcpu *v);

/* For entry.asm: each returns how the guest is entered next, enum svm_next. */
u32 svm_ready(struct vcpu *v);  /* before the first entry */
u32 svm_exited(struct vcpu *v); /* after each exit: see to it, and be ready again */

/* operands.c: what the instruction that exited wants, in `exit`, or VMEXIT_UNREAD. */
void svm_exit_cr(struct vcpu *v, struct vmexit *exit, u8 nr);
void svm_exit_invlpg(struct vcpu *v, struct vmexit *exit);
void svm_exit_invpcid(struct vcpu *v, struct vmexit *exit);
void svm_exit_io(struct vcpu *v, struct vmexit *exit);

/* inject.c */
void svm_inject(struct vcpu *v, const struct event *event);
bool svm_inject_pending(struct vcpu *v);
void svm_set_cr2(struct vcpu *v, u64 gva);
u64 svm_end_shadow(struct vcpu *v);
void svm_debug_trap(struct vcpu *v, u64 dr6);
u64 svm_dr7(struct vcpu *v);
u64 svm_debugctl(struct vcpu *v);

/* After an exit in an interrupt shadow: find out what kept_traps is. */
void svm_keep_traps(struct vcpu *v);

/* The event that the last exit has cut, if it has to be injected again; else EVENT_NONE. */
void svm_read_event(struct vcpu *v, struct event *event);

/* state.c */
void svm_set_cr(struct vcpu *v, int nr, u64 hw, u64 view);
u64 svm_get_cr(struct vcpu *v, int nr);
void svm_set_root(struct vcpu *v, u64 hpa);
void svm_set_efer(struct vcpu *v, u64 hw);
u8 svm_cpl(const struct vcpu *v);
bool svm_shares_pat(const struct vcpu *v);
void svm_get_seg(struct vcpu *v, enum seg seg, struct segment *out);
u32 svm_seg_attr(struct vcpu *v, enum seg seg);
void svm_set_seg(struct vcpu *v, enum seg seg, const struct segment *in);
void svm_set_dtables(struct vcpu *v, const struct dtable *gdt, const struct dtable *idt);
void svm_get_dtables(struct vcpu *v, struct dtable *gdt, struct dtable *idt);

/* intercepts.c */
void svm_intercept(struct svm_vcpu *svm, enum intercept what, bool on);
void svm_intercept_cr_read(struct svm_vcpu *svm, int nr, bool on);
void svm_set_pf_filter(struct vcpu *v, enum pf_filter filter);
void svm_set_invlpg_exiting(struct vcpu *v, bool on);
void svm_intercept_port(struct vcpu *v, u16 port, bool on);
void svm_intercept_msr(struct vcpu *v, u32 msr, bool read, bool write);

/* tlb.c */
void svm_flush_all(struct vcpu *v);
void svm_flush_gva(struct vcpu *v, u64 gva);

/* quirks.c: what emulators get wrong. */
u16 svm_quirk_cr_read(const struct svm_vcpu *svm, u16 wanted);
void svm_quirk_load_cr2(const struct svm_vcpu *svm, u64 gva);
bool svm_quirk_init_resets_guests(void);
void svm_quirk_event(struct vcpu *v, struct event *event);

/* dump.c */
void svm_dump(struct vcpu *v);

/* entry.asm */

/* 0: VMRUN, and nothing else. */
enum svm_next {
	SVM_NEXT_CLEAR = 1 << 0, /* GUARD_CLEAR at the exit; goes with each of the others */
	SVM_NEXT_VERW = 1 << 1,  /* GUARD_VERW */
	SVM_NEXT_IBPB = 1 << 2,  /* GUARD_IBPB at the exit */
};
#define SVM_NEXT_LEAVE 0x80000000U /* no entry: svm_loop() returns */

/*
 * Enter the guest with VMRUN, and at each exit call svm_exited(), until that says SVM_NEXT_LEAVE.
 * v->gpr is loaded and stored, but for RAX and RSP, which are in the VMCB. The rest is svm_enter()'s.
 */
void svm_loop(struct vcpu *v, u64 vmcb_hpa, u64 host_hpa);

/*
 * Enter what runs in a guest of the hypervisor's own (prove.c), and come back at its next exit.
 *
 * gpr: the guest's registers in enum gpr's order; loaded, and stored at the exit, but for RAX and RSP,
 * which are in the VMCB. vmcb_hpa, host_hpa: what VMLOAD and VMSAVE switch, the guest's and ours.
 */
void svm_enter(u64 *gpr, u64 vmcb_hpa, u64 host_hpa);

/* backend.c */
extern const struct backend svm_backend;

#endif
