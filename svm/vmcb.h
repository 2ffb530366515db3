/* SPDX-License-Identifier: MIT */
/* The virtual machine control block: APM vol. 2 appendix B, tables B-1 and B-2. */
#ifndef SVM_VMCB_H
#define SVM_VMCB_H

#include "arch/types.h"

/* Of vmcb_seg.attr. */
#define VMCB_SEG_L BIT(9)
#define VMCB_SEG_D BIT(10)

/* A segment register; attr: descriptor bits 55:52 and 47:40 as bits 11:8 and 7:0. */
struct vmcb_seg {
	u16 sel, attr;
	u32 limit;
	u64 base;
};

struct vmcb {
	/* The control area. */
	u16 cr_read, cr_write; /* a bit for each register */
	u16 dr_read, dr_write;
	u32 exceptions;
	u32 intercept[3]; /* enum intercept, 32 to a word */
	u8 reserved_018[0x3c - 0x18];
	u16 pause_threshold, pause_count;
	u64 iopm_hpa, msrpm_hpa;
	u64 tsc_offset;
	u32 asid;
	u32 tlb_control; /* enum tlb_control */
	u64 v_intr;
	u64 interrupt_state; /* vmcb_in_shadow() */
	u64 exit_code;
	u64 exit_info_1, exit_info_2;
	u64 exit_int_info; /* as event_inj */
	u64 nested_control;
	u64 avic_bar, ghcb;
	u64 event_inj; /* EVENT_*; the error code in the upper half */
	u64 nested_cr3;
	u64 lbr_control;
	u32 clean; /* enum vmcb_clean */
	u32 reserved_0c4;
	u64 next_rip;
	u8 bytes_fetched, bytes[15];
	u8 reserved_0e0[0x400 - 0xe0];

	/* The state save area. */
	struct vmcb_seg es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 reserved_4a0[0xcb - 0xa0];
	u8 cpl;
	u32 reserved_4cc;
	u64 efer;
	u8 reserved_4d8[0x148 - 0xd8];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
	u8 reserved_580[0x1d8 - 0x180];
	u64 rsp;
	u64 s_cet, ssp, isst_addr;
	u64 rax;
	u64 star, lstar, cstar, sfmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip;
	u64 cr2;
	u8 reserved_648[0x268 - 0x248];
	u64 g_pat;
	u8 reserved_670[0x1000 - 0x670];
} __attribute__((aligned(PAGE_SIZE)));

_Static_assert(offsetof(struct vmcb, iopm_hpa) == 0x40, "APM");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x70, "APM");
_Static_assert(offsetof(struct vmcb, event_inj) == 0xa8, "APM");
_Static_assert(offsetof(struct vmcb, next_rip) == 0xc8, "APM");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "APM");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "APM");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "APM");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "APM");
_Static_assert(offsetof(struct vmcb, g_pat) == 0x668, "APM");
_Static_assert(sizeof(struct vmcb) == PAGE_SIZE, "APM");

/*
 * Interrupts wait until the next instruction is done, after STI or MOV SS: 15.21.5. Beside this bit newer CPUs
 * save RFLAGS.IF at each exit (table B-1, offset 068h, bit 1), which no emulator does.
 */
static inline bool vmcb_in_shadow(const struct vmcb *vmcb)
{
	return vmcb->interrupt_state & BIT(0);
}

/* Bits of intercept[], counted through: APM vol. 2 table B-1, offsets 00Ch, 010h, 014h. */
enum intercept {
	INTERCEPT_INIT = 3,
	INTERCEPT_CR0_SEL_WRITE = 5,
	INTERCEPT_CPUID = 18,
	INTERCEPT_INVD = 22,
	INTERCEPT_INVLPG = 25,
	INTERCEPT_INVLPGA = 26,
	INTERCEPT_IOIO = 27,
	INTERCEPT_MSR = 28,
	INTERCEPT_TASK_SWITCH = 29,
	INTERCEPT_SHUTDOWN = 31,
	INTERCEPT_VMRUN = 32,
	INTERCEPT_VMMCALL = 33,
	INTERCEPT_VMLOAD = 34,
	INTERCEPT_VMSAVE = 35,
	INTERCEPT_STGI = 36,
	INTERCEPT_CLGI = 37,
	INTERCEPT_SKINIT = 38,
	INTERCEPT_INVPCID = 66,
};

/* APM vol. 2 15.16.1. */
enum tlb_control {
	TLB_KEEP = 0,
	TLB_FLUSH_ALL = 1,  /* every ASID's, the host's too */
	TLB_FLUSH_ASID = 3, /* this guest's; with CPUID's FlushByAsid only */
};

/* What the CPU may take from its own cache of the VMCB: APM vol. 2 15.15.3. */
enum vmcb_clean {
	CLEAN_INTERCEPTS = BIT(0),
	CLEAN_MAPS = BIT(1),
	CLEAN_ASID = BIT(2),
	CLEAN_NP = BIT(4),
	CLEAN_CR = BIT(5), /* CR0, CR3, CR4, EFER */
	CLEAN_DR = BIT(6),
	CLEAN_DT = BIT(7),
	CLEAN_SEG = BIT(8), /* and CPL */
	CLEAN_CR2 = BIT(9),
	CLEAN_ALL = 0x7ff,
};

/* EVENTINJ and EXITINTINFO: guest/machine/event.h below, the error code above. APM vol. 2 15.7.2, 15.20. */
#define SVM_EVENT_ERROR_SHIFT 32

#define SVM_NESTED_PAGING     BIT(0)

/* EXITINFO1 of a MOV to or from a control register, with decode assists: 15.33. */
#define EXIT_CR_IS_MOV BIT(63)

/* EXITINFO1 of IOIO: 15.10.2. */
#define EXIT_IO_IN         BIT(0)
#define EXIT_IO_STRING     BIT(2)
#define EXIT_IO_SIZE_SHIFT 4
#define EXIT_IO_PORT_SHIFT 16

/* EXITINFO2 of TASK_SWITCH: 15.14.1. */
#define EXIT_TASK_IRET BIT(36)
#define EXIT_TASK_JMP  BIT(38)

#endif
