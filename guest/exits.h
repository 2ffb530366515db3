/* SPDX-License-Identifier: MIT */
/* The exit handlers, once for both vendors. Each leaves the virtual CPU ready for the next entry. */
#ifndef GUEST_EXITS_H
#define GUEST_EXITS_H

#include "arch/cpu.h"
#include "guest/backend.h"
#include "guest/machine.h"

/* Run the guest for good. */
NORETURN void run_guest(struct vcpu *v);

/* end.c. The guest's registers, line by line. */
void guest_dump(struct vcpu *v);
/* A crash record and the report, then a stop; the line that says why is the caller's. */
NORETURN void guest_crashed(struct vcpu *v);
/* What a triple fault does to a machine: the report, then a reset. */
NORETURN void guest_triple_fault(struct vcpu *v);

/* debug.c. The rest of insn_done(): the #DB for these DR6_B bits, and for a single step. */
void insn_trap(struct vcpu *v, u64 traps);
/*
 * An instruction was completed in software, RIP is moved on: the traps that follow it, a single step and
 * what was watched, are due (SDM vol. 3B 18.3.1.4), and it ends what held events off.
 */
static inline void insn_done(struct vcpu *v)
{
	u64 traps = v->ops->end_shadow(v) | v->debug_traps;

	if (unlikely(traps | (v->rflags & RFLAGS_TF)))
		insn_trap(v, traps);
}
/*
 * An instruction that is about to complete accessed memory, or a port: is there a breakpoint. Not for one
 * that faults. size: bytes. write: it wrote, whatever else it did. SDM vol. 3B 18.2.5.
 */
void watch_data(struct vcpu *v, u64 gva, u32 size, bool write);
void watch_port(struct vcpu *v, u16 port, u32 size);
/* The DR6_B bits of an instruction breakpoint that is set at RIP. */
u64 watched_code(struct vcpu *v);
/*
 * The DR6_B bits of what a MOV SS from memory has met, if that is the instruction before RIP. To be called
 * right after an exit: the registers are those that its address was made of.
 */
u64 watched_mov_ss(struct vcpu *v);

/* operand.c. The instruction that exited is done: go on behind it. */
void insn_skip(struct vcpu *v, const struct vmexit *exit);

/* inject.c. Raise an exception at the current instruction. */
void inject_gp(struct vcpu *v);
void inject_zero(struct vcpu *v, enum vector vector); /* with an error code, of 0 */
void inject_ud(struct vcpu *v);
/* Raise #PF, or what it becomes while `cut` was being delivered: SDM vol. 3A table 6-5. */
void inject_pf(struct vcpu *v, u64 gva, u32 pfec, const struct event *cut);
/* Start an event again whose delivery an exit has cut. */
void reinject(struct vcpu *v, const struct event *cut);

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

/* hardware.c. Make the hardware follow what the shadow MMU has decided. */
void commit_hardware(struct vcpu *v);

void handle_page_fault(struct vcpu *v, const struct vmexit *exit);
void handle_nested_fault(struct vcpu *v, const struct vmexit *exit);
void handle_cr_write(struct vcpu *v, const struct vmexit *exit);
void handle_cr_read(struct vcpu *v, const struct vmexit *exit);
void handle_clts(struct vcpu *v, const struct vmexit *exit);
void handle_lmsw(struct vcpu *v, const struct vmexit *exit);
void handle_smsw(struct vcpu *v, const struct vmexit *exit);
void handle_invlpg(struct vcpu *v, const struct vmexit *exit);
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

void handle_invpcid(struct vcpu *v, const struct vmexit *exit);

/*
 * What a walk needs to know of the guest beside the error code; with nested paging, its paging
 * registers too. To be called before each walk.
 */
void access_context(struct vcpu *v, struct mmu_fault *fault);

/*
 * Where `size` bytes at a linear address are in the guest's RAM, for an access of an instruction that
 * is carried out in software; A and D are set as by the access. pfec: PFEC_W, PFEC_U, PFEC_I.
 * False when they cross a page, are no RAM, or the access faults.
 */
bool guest_translate(struct vcpu *v, u64 gva, u32 size, u32 pfec, u64 *gpa);

/*
 * Read the guest's memory as a supervisor, in any number of pages. What is no RAM reads as all ones.
 * Returns 0, or -1 with the fault's address and error code in *fault.
 */
int guest_read(struct vcpu *v, u64 gva, void *to, u32 size, struct mmu_fault *fault);

/* The linear address of RIP, and the size of the code there. */
u64 code_address(struct vcpu *v, enum insn_mode *mode);

/*
 * The code at RIP, and its size. pfec: PFEC_U for a user's.
 * Returns how many bytes could be read; 0 when none.
 */
u32 guest_fetch(struct vcpu *v, u32 pfec, u8 bytes[INSN_MAX_LEN], enum insn_mode *mode);

/* Decode the system instruction at RIP. False: it is none, or cannot be read. */
bool guest_decode_system(struct vcpu *v, struct insn_system *out);

/* The linear address of a memory operand of the instruction at RIP, which is `len` bytes long. */
u64 guest_operand(struct vcpu *v, const struct insn_mem *mem, u8 len);

/*
 * Carry out INVPCID, which raised #UD because the hardware has it disabled (SDM vol. 2A INVPCID).
 * False, with nothing done, when the instruction at RIP is another one, or the guest's CPU has none.
 */
bool emulate_invpcid(struct vcpu *v);

/*
 * Carry out the instruction at RIP, which writes memory; see mmu_fault(). False, with nothing done,
 * when it is not one that is decoded, or an operand crosses a page, is no RAM, or faults.
 */
bool emulate_write(struct vcpu *v, const struct mmu_fault *fault);

/*
 * The same for a write to registers that are watched; under nested paging fault->gva is not known. All of
 * it is on one page.
 */
bool emulate_watched_write(struct vcpu *v, const struct mmu_fault *fault);

/*
 * Give the guest's CPU these registers, as the guest reads them, without any check: the hardware's
 * values follow from them. Then the shadow MMU takes them over.
 */
void load_paging_regs(struct vcpu *v, const struct paging_regs *regs);
/*
 * Nested paging, guest/nested.c. Set it up, in place of the self-test and the shadow tables; config is
 * what a shadow MMU would get. 0, or -1 after a fail() line.
 */
int prepare_nested(struct vcpu *v, const struct mmu_config *config);

/* cr.c. What MOV to CR0, CR3, CR4 and WRMSR to EFER do: SDM vol. 2B, vol. 3A 10.8.5. False: #GP. */
bool guest_write_cr0(struct vcpu *v, u64 value);
bool guest_write_cr3(struct vcpu *v, u64 value);
bool guest_write_cr4(struct vcpu *v, u64 value);
bool guest_write_efer(struct vcpu *v, u64 value);

/* Set-up, before the first entry: which MSRs and ports exit. */
void intercept_msrs(struct vcpu *v);
void intercept_ports(struct vcpu *v);

/* msr_absent.c, a part of intercept_msrs(): MSRs that the guest's CPU does not have. */
void intercept_absent_msrs(struct vcpu *v);
bool msr_is_absent(u32 msr);

/* msr_guard.c, a part of intercept_msrs(): MSRs of which a guest may change few bits or none. */
void intercept_guarded_msrs(struct vcpu *v);

/* True when writing this value would change what the guest may not, so that #GP is its answer. */
bool msr_write_is_guarded(u32 msr, u64 value);

/* Which control register bits and EFER bits the guest's CPU has. */
void cpuid_limits(struct machine *machine);
void guest_cpuid(const struct vcpu *v, u32 leaf, u32 subleaf, u32 regs[4]);

/* operand.c. The code that runs is 64-bit code. */
bool guest_code_is_64bit(struct vcpu *v);

#endif
