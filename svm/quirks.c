/* SPDX-License-Identifier: MIT */
/* What emulators get wrong, each worked around where svm/prove.c, or the value itself, shows it. */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/insn/insn.h"
#include "guest/machine/machine.h"
#include "guest/vcpu/instruction.h"
#include "guest/vcpu/memory.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"
#include "svm/svm.h"

/* Bochs 2.7: VMRUN leaves CR2 alone. */
void svm_quirk_load_cr2(const struct svm_vcpu *svm, u64 gva)
{
	if (svm->caps.cr2_stays)
		write_cr2(gva);
}

/*
 * QEMU: SYSENTER in compatibility mode, which any user can execute, leaves a CS with both L and D,
 * until the kernel loads another. The next VMRUN would refuse it: APM vol. 2 15.5.1. What runs there
 * is 64-bit code, as with L alone. To be called where D is set.
 */
void svm_quirk_code_segment(struct svm_vcpu *svm)
{
	/* Outside of long mode L says nothing, and D counts. */
	if (!(svm->vmcb.cs.attr & VMCB_SEG_L) || !(svm->vmcb.efer & EFER_LMA))
		return;
	svm->vmcb.cs.attr &= (u16)~VMCB_SEG_D;
	svm_dirty(svm, CLEAN_SEG);
}

/* QEMU 9.2 to 11.1: reads of CR2, CR3, CR4 and CR8 exit by the bit for CR0's, and as one of CR0. */
u16 svm_quirk_cr_read(const struct svm_vcpu *svm, u16 wanted)
{
	return svm->caps.cr_read_by_cr0 && wanted ? wanted | BIT(0) : wanted;
}

/*
 * QEMU's TCG: an intercepted INIT exits, is still pending then, and is taken before the first instruction
 * after the exit. There is no trying that without a reset: so by its name.
 */
bool svm_quirk_init_resets_guests(void)
{
	struct cpuid c = cpuid(0x40000000, 0);

	return (cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR) && c.ebx == 0x54474354 /* TCGT */ &&
	       c.ecx == 0x43544743 /* CGTC */ && c.edx == 0x47435447 /* GTCG */;
}

/* QEMU 7.2: an interrupt whose delivery is cut is reported as an exception with its vector. */
static void interrupt_as_exception(struct event *event)
{
	if (event->type != EVENT_EXCEPTION)
		return;
	if (event->vector >= 32)
		event->type = EVENT_EXTINT;
	else if (event->vector == VEC_NMI)
		event->type = EVENT_NMI;
}

#define APIC_ISR     0x100 /* eight registers, 16 bytes apart */
#define X2APIC_ISR   0x810
#define PIC_COMMAND  0x20
#define PIC_READ_ISR 0x0b
#define PIC_EOI      0x20

/* The interrupt that the local APIC has given to the CPU last and not got back; -1: none. */
static int apic_in_service(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);
	u64 page = base & GENMASK(51, 12);
	const volatile u32 *apic = phys_ptr(page);

	/* It is where the guest has put it, and that may be past what is mapped here. */
	if (!(base & APIC_BASE_ENABLE) ||
	    (!(base & APIC_BASE_X2APIC) && page + PAGE_SIZE > map_end()))
		return -1;
	for (int i = 7; i >= 0; i--) {
		u32 isr = base & APIC_BASE_X2APIC ? (u32)rdmsr(X2APIC_ISR + i)
						  : apic[APIC_ISR / 4 + i * 4];

		if (isr)
			return i * 32 + 31 - __builtin_clz(isr);
	}
	return -1;
}

static bool pic_in_service(void)
{
	out8(PIC_COMMAND, PIC_READ_ISR);
	return in8(PIC_COMMAND) != 0;
}

static bool at_software_interrupt(struct vcpu *v)
{
	struct insn_system insn;

	return guest_decode_system(v, &insn) && insn.kind >= INSN_SYS_INT &&
	       insn.kind <= INSN_SYS_INT1;
}

/*
 * Is a #PF that is recorded the one that was cut. Without nested paging the guest takes none but by
 * injection; with it, an old one's cause is gone. It is to be told from an NMI, which the instruction
 * would not raise again, and the other way round: an IRET that faults has let NMIs in.
 */
static bool page_fault_is_new(struct vcpu *v, const struct event *event)
{
	struct mmu_fault access = {.gva = read_cr2(), .pfec = event->error & (PFEC_U | PFEC_I)};
	u64 gpa;

	if (!v->machine->paging->cpu_walks_guest || event->type != EVENT_EXCEPTION ||
	    event->vector != VEC_PF)
		return false;
	/* A walk for a write that does not fault sets D. */
	if (event->error & PFEC_P)
		access.pfec |= event->error & PFEC_W;
	access_context(v, &access);
	return v->machine->paging->translate(v, &access, &gpa) != 0;
}

/*
 * At an INT n, is the #DB that is recorded the one that was cut: by the gate that could not be read,
 * and where it was another access that faulted, by a breakpoint at the instruction. (A handler that
 * lets the stack grow cold, which it ran on, before it returns with RF=1 meets its #DB twice.)
 */
static bool debug_exception_is_new(struct vcpu *v)
{
	const struct vmcb *vmcb = &to_svm(v)->vmcb;
	u64 at = vmcb->exit_info_2 - vmcb->idtr.base;

	if (vmcb->exit_code == SVM_EXIT_EXCEPTION + VEC_PF && at <= vmcb->idtr.limit)
		return at / (vmcb->efer & EFER_LMA ? 16 : 8) == VEC_DB;
	return !(v->rflags & RFLAGS_RF) && watched_code(v);
}

/*
 * Bochs 2.7: EXITINTINFO is the last exception's or injection's, whatever was cut. What it was is seen
 * from what it left behind.
 */
static void find_cut_event(struct vcpu *v, struct event *event)
{
	const struct svm_vcpu *svm = to_svm(v);
	bool exception = event->type == EVENT_EXCEPTION && event->vector != VEC_PF;
	struct event recorded = *event;
	int vector;

	/* Injected a moment ago: that is recorded. */
	if (svm->injected && v->rip == svm->entry_rip)
		return;
	event->has_error = false;
	if (v->rflags & RFLAGS_IF) {
		vector = apic_in_service();
		if (vector >= 0) {
			event->type = EVENT_EXTINT;
			event->vector = (u8)vector;
			return;
		}
		/* Which vector the 8259A was given is not to be had: let it ask again. */
		if (pic_in_service()) {
			out8(PIC_COMMAND, PIC_EOI);
			event->type = EVENT_NONE;
			return;
		}
	}
	if (at_software_interrupt(v) &&
	    !(exception && recorded.vector == VEC_DB && debug_exception_is_new(v))) {
		event->type = EVENT_AGAIN;
		return;
	}
	if (page_fault_is_new(v, &recorded)) {
		*event = recorded;
	} else if (!exception) {
		event->type = EVENT_NMI;
		event->vector = VEC_NMI;
	} else if (event->vector != VEC_DB && svm->vmcb.exit_code != SVM_EXIT_EXCEPTION + VEC_GP) {
		event->type = EVENT_NONE; /* a fault: the instruction raises it again */
	}
}

void svm_quirk_event(struct vcpu *v, struct event *event)
{
	if (to_svm(v)->caps.events_stale)
		find_cut_event(v, event);
	else
		interrupt_as_exception(event);
}
