/* SPDX-License-Identifier: MIT */
/* One virtual CPU: what both vendors' backends and the common exit handlers share. */
#ifndef GUEST_MACHINE_VCPU_H
#define GUEST_MACHINE_VCPU_H

#include "arch/cpu.h"
#include "guest/insn/insn.h"
#include "guest/machine/event.h"
#include "mm/counters.h"
#include "mm/nested/nested.h"
#include "mm/shadow/mmu.h"

/* The machine's encoding order, so that ModRM and exit qualifications index it directly. */
enum gpr { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, NR_GPRS };

/* The order of segment fields in the VMCS. */
enum seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, NR_SEGS };

/* attr: SDM vol. 3C table 25-2: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D/B 14, G 15, unusable 16. */
struct segment {
	u64 base;
	u32 limit;
	u32 attr;
	u16 sel;
};

#define SEG_ATTR_TYPE(attr) ((attr)&0xf)
#define SEG_ATTR_DPL(attr)  (((attr) >> 5) & 3)
#define SEG_ATTR_L          BIT(13)
#define SEG_ATTR_DB         BIT(14)
#define SEG_ATTR_UNUSABLE   BIT(16)

struct dtable {
	u64 base;
	u16 limit;
};

#define INVPCID_SIZE 16 /* bytes of its descriptor */

enum vmexit_kind {
	VMEXIT_PF,        /* .pf */
	VMEXIT_EXCEPTION, /* .event: an intercepted exception other than #PF */
	VMEXIT_INTR,      /* external interrupt or interrupt window: nothing to do */
	VMEXIT_NMI,       /* NMI in the guest or NMI window */
	VMEXIT_INIT,
	VMEXIT_CR_WRITE,  /* .cr: MOV to CR0 or CR4; the whole register */
	VMEXIT_CR3_WRITE, /* .cr.value: the whole register */
	VMEXIT_CR_READ,   /* .cr: MOV from CR */
	VMEXIT_CLTS,
	VMEXIT_LMSW,    /* .cr.value: the 16-bit source */
	VMEXIT_SMSW,    /* .cr */
	VMEXIT_INVLPG,  /* .gva */
	VMEXIT_INVPCID, /* .invpcid */
	VMEXIT_CPUID,
	VMEXIT_RDMSR,
	VMEXIT_WRMSR,
	VMEXIT_IO, /* .io */
	VMEXIT_HYPERCALL,
	VMEXIT_XSETBV,
	VMEXIT_VIRT_INSN,   /* a VMX or SVM instruction, GETSEC: #UD */
	VMEXIT_TASK_SWITCH, /* .task */
	VMEXIT_INVD,
	VMEXIT_AGAIN,        /* the backend has seen to it: the instruction runs again */
	VMEXIT_NPF,          /* .npf: EPT violation or nested page fault */
	VMEXIT_SHUTDOWN,     /* triple fault */
	VMEXIT_ENTRY_FAILED, /* .reason, .qualification: the CPU refused the guest state */
	VMEXIT_UNREAD,       /* the instruction that says what is wanted cannot be read */
	VMEXIT_UNKNOWN,      /* .reason, .qualification */
};

/* The common vocabulary: what stopped the guest. Only the members its kind names are valid. */
struct vmexit {
	enum vmexit_kind kind;
	u32 insn_len;           /* bytes; 0: the kind is no instruction, or the CPU does not tell */
	u64 reason;             /* the hardware's own number, for messages */
	struct event vectoring; /* the event whose delivery was cut; type EVENT_NONE when none */
	union {
		struct {
			u64 gva;
			u32 error;
		} pf;
		struct event event;
		struct {
			u8 nr; /* 0, 3, 4, 8 */
			u8 gpr; /* enum gpr; SMSW, LMSW: INSN_NO_REG: the operand is in memory, at gva */
			u8 size; /* SMSW to a register: bytes */
			u64 value;
			u64 gva;
		} cr;
		u64 gva; /* INVLPG */
		struct {
			u64 type;
			u64 desc_gva;
			u8 fault; /* the vector that its operand raises; 0: none */
		} invpcid;
		struct {
			u16 port;
			u8 size; /* bytes: 1, 2, 4 */
			bool in, string;
		} io;
		struct {
			u64 gpa;
			bool write;
		} npf;
		struct {
			u16 sel; /* of the new TSS */
			enum task_source {
				TASK_CALL,
				TASK_IRET,
				TASK_JMP,
				TASK_GATE,
				TASK_DONE
			} source;
		} task;
		u64 qualification; /* the hardware's own detail, for messages */
	};
};

struct backend;
struct machine;

/* How lane_carry_out() does an instruction: not at all; a MOV, or AND and OR, of a whole entry; others. */
enum lane_insn { LANE_NONE, LANE_MOV, LANE_LOGIC, LANE_OTHER };

/* An instruction as it was decoded, with the bytes it was decoded from. */
struct insn_cache {
	u64 low, high; /* bytes 0 to 7, 7 to 14 */
	enum insn_mode mode;
	bool valid;
	enum lane_insn lane;
	struct insn insn;
};

/* The last INVPCID that a lane has carried out: it is the same one, in the same place, again and again. */
struct invpcid_cache {
	u64 low, high; /* its bytes, as above */
	struct insn_system insn;
};

/* More than any instruction can need, which touches a few dozen pages at most. */
#define RETRIES_IN_A_ROW 32

/* Exits in a row after which the guest was to do the same again: guest/exit/progress.c. */
struct retries {
	u64 last; /* the count of exits at the last of them */
	u64 rip, regs;
	u32 nr;
};

/* Between two exits, what is due now and then. Those of exits are by their count. */
struct watch {
	u64 next_audit, next_poll; /* exits; ~0: never */
	u64 next_stats;            /* TSC */
};

struct vcpu {
	u64 gpr[NR_GPRS]; /* the first: entry.asm. The backend loads and stores them at every entry */
	u64 rip;          /* loaded and stored by the backend at every entry */
	u64 rflags;       /* likewise */
	struct mmu_vcpu mmu;
	struct counters counters;
	const struct backend *ops;
	void *hw;        /* the backend's own state: struct vmx_vcpu or struct svm_vcpu */
	u64 debug_traps; /* DR6's bits of breakpoints that the current instruction has met */
	bool invlpg_exiting, filter_present, filter_user;
	u64 filter_since;  /* the count of exits when the filter was last counted: count_filter() */
	bool console_held; /* the console's ports exit: console_exit() */
	u32 guards;        /* enum mitigation: mitigate_init() */
	u64 spec_ctrl;     /* as the guest wrote it, while bits of it are held: GUARD_HOLD_IBRS */
	u64 spec_ctrl_held;        /* those bits */
	struct vmexit *probe_exit; /* where the one exit of a self-test goes, else NULL */
	struct retries retries;
	u64 unread_rip; /* of an instruction that exited and could not be read */
	u32 unread;     /* how often in a row */
	u64 lent_rip;   /* of the instruction that pages were lent to: mmu_lend() */
	struct insn_cache insn_cache[16];
	struct invpcid_cache invpcid_cache;
	struct watch watch;
	u64 lanes_until; /* the count of exits behind which something is due: watch() */
	struct machine *machine;
};

/* IA-32e mode is active. */
static inline bool guest_in_long_mode(const struct vcpu *v)
{
	return v->mmu.regs.efer & EFER_LMA;
}

#endif
