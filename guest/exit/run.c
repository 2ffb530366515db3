/* SPDX-License-Identifier: MIT */
/* Enter the guest, count the exit, hand it to its handler. */

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/chipset/end.h"
#include "guest/exit/exit.h"
#include "guest/exit/handlers.h"
#include "guest/exit/lane.h"
#include "guest/iommu/iommu.h"
#include "guest/machine/backend.h"
#include "guest/machine/machine.h"
#include "guest/vcpu/crash.h"
#include "guest/vcpu/hardware.h"
#include "guest/vcpu/inject.h"
#include "guest/vcpu/instruction.h"

/* SDM vol. 3A 8.3. 32-bit kernels have a task for double faults, and most have no other. */
static void handle_task_switch(struct vcpu *v, const struct vmexit *exit)
{
	static const char *const by[] = {"CALL", "IRET", "JMP", "a task gate"};

	if (exit->task.source == TASK_GATE && exit->vectoring.type != EVENT_NONE)
		fail("the guest's handler of vector %u is a task, selector %x, at rip %lx: notrap "
		     "does not switch tasks; run a guest that has none",
		     exit->vectoring.vector, exit->task.sel, v->rip);
	else if (exit->task.source == TASK_DONE)
		fail("the guest has switched to the task of selector %x, and this CPU did not stop it: "
		     "it ran on page tables that notrap has not seen; run a guest that has no tasks, or "
		     "another CPU",
		     exit->task.sel);
	else
		fail("the guest switches to the task of selector %x, by %s at rip %lx: notrap does "
		     "not switch tasks; run a guest that has none",
		     exit->task.sel, by[exit->task.source], v->rip);
	guest_crashed(v);
}

static void handle_virt_insn(struct vcpu *v, const struct vmexit *exit)
{
	(void)exit;
	inject_ud(v);
}

static void handle_nothing(struct vcpu *v, const struct vmexit *exit)
{
	(void)v;
	(void)exit;
}

static void handle_unread(struct vcpu *v, const struct vmexit *exit)
{
	(void)exit;
	insn_unread(v);
}

static void handle_shutdown(struct vcpu *v, const struct vmexit *exit)
{
	(void)exit;
	guest_triple_fault(v);
}

/* The hardware refuses what no CPU would do. */
static void handle_unknown(struct vcpu *v, const struct vmexit *exit)
{
	fail("%s: exit %lu (%s), qualification %lx, at rip %lx",
	     exit->kind == VMEXIT_ENTRY_FAILED ? "the CPU refused the guest's state"
					       : "unknown exit",
	     exit->reason, v->ops->exit_name(exit->reason), exit->qualification, v->rip);
	guest_crashed(v);
}

static void handle_init(struct vcpu *v, const struct vmexit *exit)
{
	(void)exit;
	say("the guest's CPU got INIT: resetting the machine");
	machine_reset(v->machine);
}

/*
 * A CPU on which SVM is on looks at the privilege level, and the operand, of its instructions before it exits;
 * on the guest's own it is off, which comes first: #UD (APM vol. 3, of each).
 */
static bool is_absent_insn(struct vcpu *v, const struct vmexit *exit)
{
	struct insn_system in;

	return exit->event.vector == VEC_GP && !exit->event.error &&
	       exit->vectoring.type == EVENT_NONE && guest_decode_system(v, &in) &&
	       in.kind == INSN_SYS_SVM;
}

static void handle_exception(struct vcpu *v, const struct vmexit *exit)
{
	set_saved_rf(v, exit);
	if (is_absent_insn(v, exit))
		inject_ud(v);
	else
		inject_fault(v, &exit->event, &exit->vectoring);
}

/* Dropping the hypervisor's modified lines with the guest's is not what it asked for. */
static void handle_invd(struct vcpu *v, const struct vmexit *exit)
{
	wbinvd();
	insn_skip(v, exit);
}

/* Exits after which the clock is looked at, for `stats`. */
#define STATS_EXITS 16

struct exit_handler {
	void (*handle)(struct vcpu *v, const struct vmexit *exit);
	enum counter counter;
	/*
	 * The instruction is the kernel's alone: #GP at any other privilege level. A CPU looks at that
	 * before it exits (SDM vol. 3C 26.1.1; APM vol. 2 15.7); emulated ones do not for all of them.
	 */
	bool privileged;
};

/* One for each of enum vmexit_kind. */
static const struct exit_handler handlers[] = {
	[VMEXIT_PF] = {handle_page_fault, CNT_exits_pf, false},
	[VMEXIT_EXCEPTION] = {handle_exception, CNT_exits_exception, false},
	[VMEXIT_INTR] = {handle_nothing, CNT_exits_interrupt, false},
	[VMEXIT_NMI] = {handle_nothing, CNT_exits_nmi, false},
	[VMEXIT_INIT] = {handle_init, CNT_exits_init, false},
	[VMEXIT_CR_WRITE] = {handle_cr_write, CNT_exits_cr_write, true},
	[VMEXIT_CR3_WRITE] = {handle_cr3_write, CNT_exits_cr3_write, true},
	[VMEXIT_CR_READ] = {handle_cr_read, CNT_exits_cr_read, true},
	[VMEXIT_CLTS] = {handle_clts, CNT_exits_cr_write, true},
	[VMEXIT_LMSW] = {handle_lmsw, CNT_exits_cr_write, true},
	[VMEXIT_SMSW] = {handle_smsw, CNT_exits_cr_read, false},
	[VMEXIT_INVLPG] = {handle_invlpg, CNT_exits_invlpg, true},
	[VMEXIT_CPUID] = {handle_cpuid, CNT_exits_cpuid, false},
	[VMEXIT_RDMSR] = {handle_rdmsr, CNT_exits_msr_read, true},
	[VMEXIT_WRMSR] = {handle_wrmsr, CNT_exits_msr_write, true},
	[VMEXIT_IO] = {handle_io, CNT_exits_io, false},
	[VMEXIT_HYPERCALL] = {handle_hypercall, CNT_exits_hypercall, false},
	[VMEXIT_XSETBV] = {handle_xsetbv, CNT_exits_xsetbv, true},
	[VMEXIT_VIRT_INSN] = {handle_virt_insn, CNT_exits_vmx_insn, false},
	[VMEXIT_INVPCID] = {handle_invpcid, CNT_exits_invpcid, true},
	[VMEXIT_TASK_SWITCH] = {handle_task_switch, CNT_exits_other, false},
	[VMEXIT_INVD] = {handle_invd, CNT_exits_other, true},
	[VMEXIT_AGAIN] = {handle_nothing, CNT_exits_other, false},
	[VMEXIT_NPF] = {handle_nested_fault, CNT_exits_npf, false},
	[VMEXIT_SHUTDOWN] = {handle_shutdown, CNT_exits_other, false},
	[VMEXIT_ENTRY_FAILED] = {handle_unknown, CNT_exits_other, false},
	[VMEXIT_UNREAD] = {handle_unread, CNT_exits_other, false},
	[VMEXIT_UNKNOWN] = {handle_unknown, CNT_exits_other, false},
};

_Static_assert(ARRAY_SIZE(handlers) == VMEXIT_UNKNOWN + 1, "a kind of exit has no handler");

/* The instruction that pages were lent to is done, unless it faults again. */
static void take_back(struct vcpu *v, const struct vmexit *exit)
{
	if (exit->kind == VMEXIT_PF && v->rip == v->lent_rip)
		return;
	mmu_take_back(&v->mmu);
}

static void check_invariants(struct vcpu *v)
{
	u32 violations = v->machine->paging->audit(v);

	if (!violations)
		return;
	fail("audit: %u violations after %lu exits", violations, v->counters.value[CNT_exits]);
	guest_crashed(v);
}

/*
 * An exit that began at `start` is handled: invariant 12. What options ask for from time to time comes
 * afterwards.
 */
static void count_longest(struct vcpu *v, u64 start)
{
	u64 *longest = &v->counters.value[CNT_exit_longest];
	u64 ticks = rdtsc() - start;

	if (unlikely(ticks > *longest))
		*longest = ticks;
}

/* Do what is due, and say when to look again. */
static void watch(struct vcpu *v)
{
	struct machine *machine = v->machine;
	struct watch *w = &v->watch;
	u64 exits = v->counters.value[CNT_exits], next, start;

	if (exits >= w->next_audit) {
		w->next_audit = exits + machine->opt->audit;
		check_invariants(v);
	}
	if (exits >= w->next_poll) {
		w->next_poll = exits + IOMMU_POLL_EXITS;
		start = rdtsc();
		iommu_poll(machine);
		count_longest(v, start);
	}
	if (machine->stats_ticks && rdtsc() > w->next_stats) {
		w->next_stats = rdtsc() + machine->stats_ticks;
		machine_report(machine);
	}
	next = w->next_audit < w->next_poll ? w->next_audit : w->next_poll;
	if (machine->stats_ticks && next > exits + STATS_EXITS)
		next = exits + STATS_EXITS;
	v->lanes_until = next - 1;
}

bool guest_exited(struct vcpu *v, struct vmexit *exit)
{
	const struct exit_handler *h;
	u64 start = rdtsc();

	if (unlikely(v->probe_exit)) {
		*v->probe_exit = *exit;
		return false;
	}
	count(&v->counters, exits);
	if (unlikely(v->mmu.nr_lent))
		take_back(v, exit);
	if (unlikely(exit->kind == VMEXIT_EXCEPTION) && exit->event.vector == VEC_UD)
		find_invpcid(v, exit);
	h = &handlers[exit->kind];
	v->counters.value[h->counter]++;
	if (h->privileged && unlikely(v->ops->cpl(v)))
		inject_gp(v);
	else
		h->handle(v, exit);
	if (v->mmu.hw.due)
		commit_hardware(v);
	if (unlikely(console_busy))
		console_exit(v);
	count_longest(v, start);
	if (unlikely(v->counters.value[CNT_exits] > v->lanes_until))
		watch(v);
	/* The next exit takes the pages back, or prints. */
	if (unlikely(v->mmu.nr_lent | console_busy))
		lanes_shut(v);
	return true;
}

void run_guest(struct vcpu *v)
{
	struct machine *machine = v->machine;

	v->watch = (struct watch){
		.next_audit = machine->opt->audit ? machine->opt->audit : ~0ULL,
		.next_poll = machine->iommu.nr_units ? IOMMU_POLL_EXITS : ~0ULL,
		.next_stats = rdtsc() + machine->stats_ticks,
	};
	machine->guest_entry = rdtsc();
	commit_hardware(v);
	console_defer(true);
	v->ops->run(v);
	die("the guest's loop has ended");
}
