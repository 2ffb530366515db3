/* SPDX-License-Identifier: MIT */
/*
 * Exceptions in the hypervisor: an NMI is noted, arch/safe.h goes on, a breakpoint is not ours; all else is
 * a crash record.
 */
#include "arch/trap.h"
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/percpu.h"
#include "arch/safe.h"
#include "arch/symbols.h"

#define BACKTRACE_MAX 12

static const char *const trap_name[NR_TRAPS] = {
	[VEC_DE] = "#DE divide error",
	[VEC_DB] = "#DB debug",
	[VEC_NMI] = "NMI",
	[VEC_BP] = "#BP breakpoint",
	[VEC_OF] = "#OF overflow",
	[VEC_BR] = "#BR bound range",
	[VEC_UD] = "#UD invalid opcode",
	[VEC_NM] = "#NM device not available",
	[VEC_DF] = "#DF double fault",
	[VEC_TS] = "#TS invalid TSS",
	[VEC_NP] = "#NP segment not present",
	[VEC_SS] = "#SS stack fault",
	[VEC_GP] = "#GP general protection",
	[VEC_PF] = "#PF page fault",
	[VEC_MF] = "#MF x87 error",
	[VEC_AC] = "#AC alignment check",
	[VEC_MC] = "#MC machine check",
	[VEC_XM] = "#XM SIMD error",
	[VEC_VE] = "#VE virtualization",
	[VEC_CP] = "#CP control protection",
	[VEC_SX] = "#SX security",
};

static void say_code(const char *label, u64 addr)
{
	u64 offset;
	const char *name = symbol_find(addr, &offset);

	if (name)
		say("%s %016lx %s+0x%lx", label, addr, name, offset);
	else
		say("%s %016lx", label, addr);
}

/* True when the bytes before addr can be those of a near call: E8 rel32, or FF /2. */
static bool after_call(u64 addr)
{
	const u8 *code = (const u8 *)addr;

	if (addr < (u64)_image_start + 7 || addr > (u64)_rodata_start)
		return false;
	if (code[-5] == 0xe8)
		return true;
	for (int len = 2; len <= 7; len++) {
		if (code[-len] == 0xff && (code[-len + 1] & 0x38) == 0x10)
			return true;
	}
	return false;
}

/* The stack that holds rsp, as bytes that may be read: its end, or 0 when it is none of ours. */
static u64 stack_end(const struct cpu_stacks *s, u64 rsp)
{
	const struct {
		const u8 *base;
		u64 size;
	} stack[] = {
		{s->main, sizeof(s->main)},
		{s->df, sizeof(s->df)},
		{s->nmi, sizeof(s->nmi)},
		{s->mc, sizeof(s->mc)},
	};

	for (u32 i = 0; i < ARRAY_SIZE(stack); i++) {
		u64 base = (u64)stack[i].base;

		if (rsp >= base && rsp < base + stack[i].size)
			return base + stack[i].size;
	}
	return 0;
}

/* Without frame pointers: every word on the stack that looks like a return address. */
static void say_backtrace(u64 rsp, u64 end)
{
	u32 found = 0;

	for (rsp = ALIGN_UP(rsp, 8); rsp < end && found < BACKTRACE_MAX; rsp += 8) {
		u64 word = *(const u64 *)rsp;

		if (after_call(word)) {
			say_code("  from", word);
			found++;
		}
	}
}

static bool in_guard(const struct cpu_stacks *s, u64 addr)
{
	return addr - (u64)s->guard0 < sizeof(s->guard0);
}

static void say_stack(const struct trap_frame *f)
{
	const struct cpu_stacks *s = this_cpu()->stacks;
	u64 rsp = f->rsp, end;

	/* A push below the main stack: #DF comes with CR2 as the #PF before it has left it. */
	if (f->vector == VEC_DF && in_guard(s, read_cr2())) {
		say("the stack has overflowed");
		if (in_guard(s, rsp))
			rsp = (u64)s->main;
	}
	end = stack_end(s, rsp);
	if (end)
		say_backtrace(rsp, end);
	else
		say("RSP is on no stack of this CPU");
}

static void NORETURN crash(const struct trap_frame *f)
{
	static volatile u32 crashing;

	console_take_over();
	if (xchg32(&crashing, 1)) {
		/* A second one while the first is printed: say only what needs no memory but its own. */
		say("fatal: exception %lu again at %016lx, CR2 %016lx", f->vector, f->rip,
		    read_cr2());
		halt();
	}
	say("fatal: exception %lu (%s) in the hypervisor, error code %lx", f->vector,
	    f->vector < NR_TRAPS && trap_name[f->vector] ? trap_name[f->vector] : "reserved",
	    f->error);
	say_code("RIP", f->rip);
	say("RSP %016lx SS %04lx CS %04lx RFLAGS %08lx CPU %u", f->rsp, f->ss, f->cs, f->rflags,
	    this_cpu()->id);
	say("RAX %016lx RCX %016lx RDX %016lx RBX %016lx", f->rax, f->rcx, f->rdx, f->rbx);
	say("RBP %016lx RSI %016lx RDI %016lx R8  %016lx", f->rbp, f->rsi, f->rdi, f->r8);
	say("R9  %016lx R10 %016lx R11 %016lx R12 %016lx", f->r9, f->r10, f->r11, f->r12);
	say("R13 %016lx R14 %016lx R15 %016lx", f->r13, f->r14, f->r15);
	say("CR0 %016lx CR2 %016lx CR3 %016lx CR4 %016lx", read_cr0(), read_cr2(), read_cr3(),
	    read_cr4());
	say_stack(f);
	halt();
}

static bool go_on(struct trap_frame *f)
{
	for (const struct fixup *x = _fixups_start; x < _fixups_end; x++) {
		if (x->at == f->rip) {
			f->rip = x->go_on;
			return true;
		}
	}
	return false;
}

/* The guest's CPU has the same machine check for itself, banks included. */
static bool ignore(struct cpu *cpu, u64 vector)
{
	if (vector == VEC_NMI) {
		cpu->parked_nmis++;
		return true;
	}
	if (vector == VEC_MC) {
		cpu->parked_mcs++;
		/* MCIP: were it left set, the next one would shut the CPU down. */
		wrmsr(MSR_MCG_STATUS, 0);
		return true;
	}
	/* What VM_CR.R_INIT makes of an INIT. */
	if (vector == VEC_SX) {
		cpu->parked_inits++;
		return true;
	}
	return false;
}

/*
 * A breakpoint of the guest's. An exit switches them off (SDM vol. 3C 28.5.1, APM vol. 2 15.6), but on QEMU
 * they go on, at the hypervisor's own addresses. Until the next entry, which loads DR7, there is none any more.
 */
static bool is_guests_breakpoint(struct trap_frame *f)
{
	if (f->vector != VEC_DB || !(read_dr6() & DR6_B))
		return false;
	write_dr7(DR7_NONE);
	f->rflags |= RFLAGS_RF;
	return true;
}

/* Where the code goes on that an NMI came in. */
static u64 after_nmi(const struct cpu *cpu, u64 rip)
{
	for (u32 i = 0; i < ARRAY_SIZE(cpu->last_steps); i++) {
		if (rip >= cpu->last_steps[i].from && rip < cpu->last_steps[i].to)
			return cpu->last_steps[i].retry;
	}
	return rip;
}

/* Nothing here may need GS before the fixups are through: in svm/entry.asm it is still the guest's. */
void trap_handle(struct trap_frame *f)
{
	if (is_guests_breakpoint(f))
		return;
	if ((f->vector == VEC_GP || f->vector == VEC_UD || f->vector == VEC_DB) && go_on(f))
		return;
	if (this_cpu()->parked && ignore(this_cpu(), f->vector))
		return;
	if (f->vector == VEC_NMI) {
		struct cpu *cpu = this_cpu();

		cpu->nmi_pending = 1;
		f->rip = after_nmi(cpu, f->rip);
		return;
	}
	crash(f);
}
