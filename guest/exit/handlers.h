/* SPDX-License-Identifier: MIT */
/* The exit handlers, once for both vendors. Each leaves the virtual CPU ready for the next entry. */
#ifndef GUEST_EXIT_HANDLERS_H
#define GUEST_EXIT_HANDLERS_H

#include "guest/machine/backend.h"
#include "guest/machine/machine.h"

/* progress.c. The rest of same_again(), for an exit that follows another at the same RIP. */
u32 again_in_a_row(struct vcpu *v, const struct vmexit *exit);
/*
 * After this exit the guest is to do the same again: run the instruction, or have the event delivered.
 * Returns the number of such exits in a row that left its registers alone, or 0 while they are few. Does
 * not return when there is no end to them.
 */
static inline u32 same_again(struct vcpu *v, const struct vmexit *exit)
{
	struct retries *r = &v->retries;
	u64 exits = v->counters.value[CNT_exits];
	bool again = exits == r->last + 1 && v->rip == r->rip;

	r->last = exits;
	if (unlikely(again))
		return again_in_a_row(v, exit);
	r->rip = v->rip;
	r->nr = 0;
	return 0;
}

/* What the table of guest/exit/run.c names, each for a kind of exit: SDM and APM sections are at the definitions. */
void handle_page_fault(struct vcpu *v, const struct vmexit *exit);
void handle_nested_fault(struct vcpu *v, const struct vmexit *exit);
void handle_cr_write(struct vcpu *v, const struct vmexit *exit);
void handle_cr3_write(struct vcpu *v, const struct vmexit *exit);
void handle_cr_read(struct vcpu *v, const struct vmexit *exit);
void handle_clts(struct vcpu *v, const struct vmexit *exit);
void handle_lmsw(struct vcpu *v, const struct vmexit *exit);
void handle_smsw(struct vcpu *v, const struct vmexit *exit);
void handle_invlpg(struct vcpu *v, const struct vmexit *exit);
void handle_invpcid(struct vcpu *v, const struct vmexit *exit);
void handle_cpuid(struct vcpu *v, const struct vmexit *exit);
void handle_rdmsr(struct vcpu *v, const struct vmexit *exit);
void handle_wrmsr(struct vcpu *v, const struct vmexit *exit);
void handle_io(struct vcpu *v, const struct vmexit *exit);
void handle_string_io(struct vcpu *v, const struct vmexit *exit); /* a part of handle_io() */
void handle_hypercall(struct vcpu *v, const struct vmexit *exit);
void handle_xsetbv(struct vcpu *v, const struct vmexit *exit);

/*
 * console.c. While console_busy, after each exit: print, and keep the console's UART from the guest
 * meanwhile, whose accesses exit and are not carried out until it is free.
 */
void console_exit(struct vcpu *v);
bool console_holds(u16 port, u8 size);

/*
 * An exit by #UD becomes one by INVPCID where that is the instruction, which the hardware has disabled (SDM
 * vol. 2A INVPCID), and the guest's CPU has it.
 */
void find_invpcid(struct vcpu *v, struct vmexit *exit);

/*
 * Carry out the instruction at RIP, which writes memory, or raise its #AC; see mmu_fault(). False, with
 * nothing done, when it is not one that is decoded, or an operand crosses a page, is no RAM, or faults.
 */
bool emulate_write(struct vcpu *v, const struct mmu_fault *fault);

/*
 * As emulate_write(), for a write to registers that are watched; under nested paging fault->gva is not known. All of
 * it is on one page.
 */
bool emulate_watched_write(struct vcpu *v, const struct mmu_fault *fault);

/* cr.c. What MOV to CR0, CR3, CR4 and WRMSR to EFER do: SDM vol. 2B, vol. 3A 10.8.5. False: #GP. */
bool guest_write_cr0(struct vcpu *v, u64 value);
bool guest_write_cr3(struct vcpu *v, u64 value);
bool guest_write_cr4(struct vcpu *v, u64 value);
bool guest_write_efer(struct vcpu *v, u64 value);

/* msr_absent.c, a part of intercept_msrs(): MSRs that the guest's CPU does not have. */
void intercept_absent_msrs(struct vcpu *v);
bool msr_is_absent(u32 msr);

/* msr_guard.c, a part of intercept_msrs(): MSRs of which a guest may change few bits or none. */
void intercept_guarded_msrs(struct vcpu *v);

/* True when writing this value would change what the guest may not, so that #GP is its answer. */
bool msr_write_is_guarded(u32 msr, u64 value);

/* mtrr.c. Set-up: note what type hidden memory has, and have writes to the MTRRs exit. */
void mtrr_intercept(struct vcpu *v);

/* A variable-range MTRR of this CPU, or IA32_MTRR_DEF_TYPE. */
bool mtrr_is(const struct machine *machine, u32 msr);

/*
 * Carry out a write. False: #GP, because the CPU refuses the value or because hidden memory would, with
 * MTRRs on, have neither the type that it came with nor write-back; a line says that the first time.
 */
bool mtrr_write(struct vcpu *v, u32 msr, u64 value);

/* pat.c, where the hypervisor runs with the guest's IA32_PAT. What the guest has written last, or found. */
u64 pat_read(const struct vcpu *v);

/* False: #GP, a type that there is not. */
bool pat_write(struct vcpu *v, u64 value);

#endif
