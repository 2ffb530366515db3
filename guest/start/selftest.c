/* SPDX-License-Identifier: MIT */
/* The boot self-test: each kind of entry at each level, tried in a guest context; docs/idea.md. */
#include "guest/start/selftest.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/machine/backend.h"
#include "guest/machine/machine.h"
#include "guest/start/context.h"
#include "guest/vcpu/crash.h"

/* The same bytes do in 32-bit and in 64-bit mode; CPUID exits on every CPU. */
static const u8 probe_code[] = {
	0x8a, 0x03, /* mov al, [rbx] */
	0x0f, 0xa2, /* cpuid */
};

/* Read one byte at gva inside the guest; what stopped it is in *exit, and in the registers. */
static void probe(struct vcpu *v, u64 gva, struct vmexit *exit)
{
	context_run(v, &(struct context_regs){.rbx = gva}, exit);
}

static u64 slot_gva(int level)
{
	return (u64)CONTEXT_SLOT << LEVEL_SHIFT(level);
}

static void probe_slot(struct vcpu *v, int level, u64 entry, struct vmexit *exit)
{
	*context_entry(level) = entry;
	probe(v, slot_gva(level), exit);
	*context_entry(level) = 0;
}

/* An ordinary read must get through, or no other result means anything. */
static int prove_context(struct vcpu *v, int top)
{
	struct vmexit exit;

	probe(v, CONTEXT_GVA, &exit);
	if (exit.kind == VMEXIT_CPUID && v->gpr[RAX] == probe_code[0])
		return 0;
	guest_dump(v);
	return fail("self-test: the guest context of %d levels does not run: exit %lu (%s) at %lx",
		    top, exit.reason, v->ops->exit_name(exit.reason), v->rip);
}

static bool prove_notrap(struct vcpu *v, int level)
{
	u64 gva = slot_gva(level);
	struct vmexit exit;

	probe_slot(v, level, SPTE_NOTRAP, &exit);
	if (!v->ops->can_filter_pf)
		return exit.kind == VMEXIT_PF && exit.pf.gva == gva && exit.pf.error == 0;
	return exit.kind == VMEXIT_CPUID && v->gpr[RAX] == CONTEXT_FAULT_SEEN && v->gpr[RCX] == 0 &&
	       v->gpr[RDX] == gva;
}

static bool prove_trap(struct vcpu *v, int level, u64 entry)
{
	struct vmexit exit;

	if (!entry)
		return false;
	probe_slot(v, level, entry, &exit);
	if (exit.kind != VMEXIT_PF || exit.pf.gva != slot_gva(level) ||
	    !(exit.pf.error & PFEC_RSVD))
		return false;
	/* A filter goes by the P bit, so that one must be right too. */
	return !v->ops->can_filter_pf || (exit.pf.error & PFEC_P);
}

/*
 * A fault proves an entry only if the walk ended there: memory that does not exist reads as ones, and
 * a table of ones faults with RSVD=1 too. A PTE leads nowhere, so it is level 1 that proves the
 * address bits for the levels above; PS makes a leaf of a PDE and a PDPTE; and bit 7 of a PML4E or
 * PML5E has to fault over a table that exists as well.
 */
static void prove_levels(struct vcpu *v, enum spte_format format, int first, int last,
			 struct selftest_result *out)
{
	int maxphyaddr = v->machine->maxphyaddr;
	bool *address = out->address[format], *structural = out->structural[format];
	u64 bit7 = context_empty_table() | PTE_PS | PTE_P;

	for (int level = first; level <= last; level++) {
		u64 trap = spte_trap_structural(level, maxphyaddr);

		if (!prove_notrap(v, level))
			out->notrap = false;
		address[level] = (level == 1 || address[1]) &&
				 prove_trap(v, level, spte_trap_address(format));
		structural[level] = trap && prove_trap(v, level, trap) &&
				    (level < 4 || prove_trap(v, level, bit7));
	}
	out->levels[format] = last;
}

/* In a context with its root at level `top`, prove the levels from `first` to `last`. */
static int prove_format(struct vcpu *v, enum spte_format format, int top, int first, int last,
			struct selftest_result *out)
{
	context_init(v, format, top);
	context_code(probe_code, sizeof(probe_code));
	if (prove_context(v, top))
		return -1;
	prove_levels(v, format, first, last, out);
	return 0;
}

/* The proved levels as text, " 1 2 3 4"; " none" when there is none. */
struct level_list {
	char text[2 * PAGING_LEVELS + 1];
};

static struct level_list list_levels(const bool *proved)
{
	struct level_list list = {" none"};
	int n = 0;

	for (int level = 1; level < PAGING_LEVELS; level++) {
		if (!proved[level])
			continue;
		list.text[n++] = ' ';
		list.text[n++] = (char)('0' + level);
		list.text[n] = '\0';
	}
	return list;
}

int selftest_traps(struct vcpu *v, struct selftest_result *out)
{
	*out = (struct selftest_result){.notrap = true};
	/* PAE PDPTEs are registers, never traps. */
	if (prove_format(v, SPTE_FORMAT_64, 4, 1, 4, out) ||
	    prove_format(v, SPTE_FORMAT_PAE, 3, 1, 2, out) ||
	    ((v->machine->cr4_allowed & CR4_LA57) && prove_format(v, SPTE_FORMAT_64, 5, 5, 5, out)))
		return -1;
	out->user_filter = v->ops->can_filter_pf && prove_user_filter(v, out);
	v->ops->set_pf_filter(v, PF_FILTER_ALL);
	v->ops->flush_all(v);

	if (v->ops->can_filter_pf)
		say("self-test: not-present faults %s", out->notrap ? "stay in the guest" : "exit");
	say("self-test: traps proved at levels: address%s (PAE%s), structural%s (PAE%s)",
	    list_levels(out->address[SPTE_FORMAT_64]).text,
	    list_levels(out->address[SPTE_FORMAT_PAE]).text,
	    list_levels(out->structural[SPTE_FORMAT_64]).text,
	    list_levels(out->structural[SPTE_FORMAT_PAE]).text);
	return 0;
}

void selftest_choose(const struct selftest_result *result, enum opt_trap trap, u8 maxphyaddr,
		     struct spte_traps *traps)
{
	*traps = (struct spte_traps){0};
	for (enum spte_format format = 0; format < NR_SPTE_FORMATS; format++)
		for (int level = 1; level <= result->levels[format]; level++) {
			u64 *entry = &traps->entry[format][level];

			/* In the PAE format bits 62:52 are reserved on every CPU. */
			bool structural_only =
				trap == TRAP_STRUCTURAL && (format == SPTE_FORMAT_64 || level > 1);

			if (result->address[format][level] && !structural_only)
				*entry = spte_trap_address(format);
			else if (result->structural[format][level] && trap != TRAP_ADDRESS)
				*entry = spte_trap_structural(level, maxphyaddr);
			else
				*entry = SPTE_TRAP_NOT_PRESENT;
		}
}
