/* SPDX-License-Identifier: MIT */
/* The AMD backend's own state, and what its files offer each other. */
#ifndef SVM_SVM_H
#define SVM_SVM_H

#include "guest/machine/backend.h"
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

/* What guest/ sees, and its functions. */
extern const struct backend svm_backend;
#define X(f) __typeof__(*svm_backend.f) svm_##f;
BACKEND_FUNCTIONS(X)
#undef X

/* What the files offer each other, by the file that has it. */

/* The state of CPU number `cpu`; it exists whether or not that CPU runs a guest yet. */
struct svm_vcpu *svm_vcpu_of(u32 cpu);

/* prove.c: what the CPU tells at an exit, found out by trying. To be called with a fresh VMCB. */
void svm_prove(struct svm_vcpu *svm);

/* For entry.asm: each returns how the guest is entered next, enum svm_next. */
u32 svm_ready(struct vcpu *v);  /* before the first entry */
u32 svm_exited(struct vcpu *v); /* after each exit: see to it, and be ready again */

/* lane.c: an exit that has a lane is done; false: nothing is. */
bool svm_lane(struct vcpu *v);

/* operands.c: what the instruction that exited wants, in `exit`, or VMEXIT_UNREAD. */
void svm_exit_cr(struct vcpu *v, struct vmexit *exit, u8 nr);
void svm_exit_invlpg(struct vcpu *v, struct vmexit *exit);
void svm_exit_invpcid(struct vcpu *v, struct vmexit *exit);
void svm_exit_io(struct vcpu *v, struct vmexit *exit);

/* After an exit in an interrupt shadow: find out what kept_traps is. */
void svm_keep_traps(struct vcpu *v);

/* The event that the last exit has cut, if it has to be injected again; else EVENT_NONE. */
void svm_read_event(struct vcpu *v, struct event *event);

/* intercepts.c */
void svm_intercept(struct svm_vcpu *svm, enum intercept what, bool on);
void svm_intercept_cr_read(struct svm_vcpu *svm, int nr, bool on);

/* quirks.c: what emulators get wrong. */
u16 svm_quirk_cr_read(const struct svm_vcpu *svm, u16 wanted);
void svm_quirk_load_cr2(const struct svm_vcpu *svm, u64 gva);
bool svm_quirk_init_resets_guests(void);
void svm_quirk_event(struct vcpu *v, struct event *event);
void svm_quirk_code_segment(struct svm_vcpu *svm);

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

#endif
